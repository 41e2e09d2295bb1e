"""The functions of the app, and the HTTP functions with a request that leads to each."""

import functools
from typing import Any

import function_app

from .azure import table_id

HTTP_FUNCTIONS = [
    ("alert", "POST", "alerts"),
    ("alert", "OPTIONS", "alerts"),
    ("adopt", "POST", "adopt"),
    ("check", "POST", "check"),
    ("change_route_table", "PATCH", f"route-tables{table_id('one')}"),
    ("dashboard", "GET", "dashboard"),
    ("discover", "POST", "discover"),
    ("get_run", "GET", "runs/20260107060000000000-0123abcd"),
    ("get_version", "GET", "versions/20260107060000000000-0123abcd"),
    ("health", "GET", "health"),
    ("list_runs", "GET", "runs"),
    ("list_versions", "GET", "versions"),
    ("lists", "GET", "lists/AppServiceManagement.txt"),
    ("openapi", "GET", "openapi.json"),
    ("provision", "POST", "provision"),
    ("register_route_table", "PUT", f"route-tables{table_id('one')}"),
    ("release", "POST", "release"),
    ("rollback", "POST", "rollback"),
    ("route_tables", "GET", "route-tables"),
    ("route_tables", "GET", f"route-tables{table_id('one')}"),
    ("sync", "POST", "sync"),
    ("unregister_route_table", "DELETE", f"route-tables{table_id('one')}"),
    ("versions_feed", "GET", "versions.atom"),
]
"""Name, method, and path below `/api`."""


@functools.cache
def indexed() -> list[Any]:
    """Return the functions as the host indexes them. The library can be asked only once."""
    return function_app.app.get_functions()
