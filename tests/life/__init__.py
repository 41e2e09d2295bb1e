"""Whole lives of the app, which belong to no one module: a year of days, each fault, each crash."""
