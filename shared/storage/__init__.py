"""Table Storage: registry, versions, runs and outcomes."""
