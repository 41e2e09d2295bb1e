"""Values that many tests need, by what is built; all of it has types."""
