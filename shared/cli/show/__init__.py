"""Show the answers to people, as text, tables and colours."""

from .registrations import Seen, registered_table, registered_tables, removed
from .reports import progress_line, report
from .runs import runs
from .troubles import diagnosis, error
from .versions import difference, version, versions

__all__ = [
    "Seen",
    "diagnosis",
    "difference",
    "error",
    "progress_line",
    "registered_table",
    "registered_tables",
    "removed",
    "report",
    "runs",
    "version",
    "versions",
]
