"""How fast it is, measured on the local stack: `make bench` writes results.json."""
