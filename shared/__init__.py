"""ASE Route Sync: keeps the routes of App Service Environment management addresses right."""

__version__ = "0.1.0"
