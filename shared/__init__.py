"""ASE Route Sync: keeps the routes of App Service Environment management addresses right."""
