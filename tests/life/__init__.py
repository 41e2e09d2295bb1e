"""Whole lives of the app, which no single module has: a year of days, each fault, each crash."""
