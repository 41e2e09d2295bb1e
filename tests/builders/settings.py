"""Settings of the app."""

from shared.settings import Settings

SETTINGS = frozenset(
    name
    for name in (str(field.alias) for field in Settings.model_fields.values())
    if not name.startswith("WEBSITE_") and "__" not in name
)
"""The settings that a person gives: App Service gives some, and a connection may be in several."""


def switches(disabled: str, *functions: str) -> dict[str, str]:
    """Return the settings that switch these functions of the host on or off."""
    return {f"AzureWebJobs.{name}.Disabled": disabled for name in functions}


def timers(disabled: str) -> dict[str, str]:
    return switches(disabled, "scheduled_sync", "daily_check")


def run_queues(disabled: str) -> dict[str, str]:
    return switches(disabled, "start_run", "sync_route_table")


def event_queues(disabled: str) -> dict[str, str]:
    return switches(disabled, "resource_events", "resource_events_poison")


def poison_queues(disabled: str) -> dict[str, str]:
    """Return the settings for the functions that take the messages of runs and tables that failed.

    The function for events that failed is in `event_queues`.
    """
    return switches(disabled, "start_run_poison", "sync_route_table_poison")


def without_storage() -> str:
    """Return the connection string of an account that does not answer."""
    gone = "http://127.0.0.1:9/devstoreaccount1"
    return (
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=a2V5;"
        f"TableEndpoint={gone};QueueEndpoint={gone};BlobEndpoint={gone};"
    )
