"""The HTTP functions: each parses a request, calls a use case and renders the answer."""

from .alerts import take_alert
from .dashboard import dashboard
from .environments import discover, provision
from .health import health
from .lists import lists
from .openapi import openapi
from .registrations import (
    change_route_table,
    list_or_get_route_tables,
    register_route_table,
    release,
    unregister_route_table,
)
from .runs import get_run, list_runs
from .starts import adopt, check, rollback, start_sync
from .versions import get_version, list_versions, versions_feed

__all__ = [
    "adopt",
    "change_route_table",
    "check",
    "dashboard",
    "discover",
    "get_run",
    "get_version",
    "health",
    "list_or_get_route_tables",
    "list_runs",
    "list_versions",
    "lists",
    "openapi",
    "provision",
    "register_route_table",
    "release",
    "rollback",
    "start_sync",
    "take_alert",
    "unregister_route_table",
    "versions_feed",
]
