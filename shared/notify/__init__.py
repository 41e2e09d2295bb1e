"""Notices to people: their formats, and the webhook that receives them."""
