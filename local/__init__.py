"""A workbench, never deployed: a simulated Azure, a Functions host, and Azurite."""
