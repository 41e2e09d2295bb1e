"""Development only, never deployed: a simulated Azure, a Functions host and Azurite."""
