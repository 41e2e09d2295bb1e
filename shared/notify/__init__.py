"""Notices to people: their formats, and the webhook that takes them."""
