"""`make bench`: measure the product's speed on the local stack, and write results.json."""
