"""The HTTP functions, with a request that leads to each."""

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
