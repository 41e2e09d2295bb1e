"""The weight of the log in the workspace, in bytes. It is estimated, not measured.

Azure Monitor bills the values of a record's columns as text, without the columns that every table
has. So a record is written down here as the host makes it, with values of the usual length. The
table `FunctionAppLogs` has each entry of the host and of the app once more.

Sources: "Azure Monitor Logs cost calculations and options"; the reference of each table;
`ApplicationInsightsLogger.cs`, `WebJobsTelemetryInitializer.cs` and `FunctionInstanceLogger.cs` of
azure-webjobs-sdk; `AzureMonitorDiagnosticLogger.cs` of azure-functions-host.
"""

import json
from collections.abc import Mapping

FUNCTION = "sync_route_table"
STORAGE_CHANGE = 1000
"""A record of a write or a deletion in the storage account. It is not made up of columns here."""
COUNTERS_A_MINUTE = 5
"""How many performance counters of an instance Application Insights gets in a minute at most."""

_GUID = "00000000-0000-4000-8000-000000000000"
_TIME = "2026-12-01T06:00:00.0000000Z"
_INSTANCE = "0" * 64
_APP = "func-ase-route-sync-abcdefghijklm"
_HOST_VERSION = "4.1037.0.0"
_EVERY_ENTRY: Mapping[str, object] = {
    "TimeGenerated": _TIME,
    "OperationName": FUNCTION,
    "OperationId": "0" * 32,
    "ParentId": "0" * 16,
    "AppRoleName": _APP,
    "AppRoleInstance": _INSTANCE,
    "ClientType": "PC",
    "ClientIP": "0.0.0.0",  # noqa: S104
    "IKey": _GUID,
    "SDKVersion": f"azurefunctions: {_HOST_VERSION}",
    "ResourceGUID": _GUID,
    "ItemCount": 1,
    "SourceSystem": "Azure",
    "TenantId": _GUID,
}
"""The columns that each table of Application Insights has."""
_DIMENSIONS: Mapping[str, object] = {
    "Category": f"Function.{FUNCTION}.User",
    "LogLevel": "Information",
    "InvocationId": _GUID,
    "HostInstanceId": _GUID,
    "ProcessId": "12345",
}
_REASON = "New queue message detected on 'route-table-sync'."
_HOST_MESSAGES = (
    f"Executing 'Functions.{FUNCTION}' (Reason='{_REASON}', Id={_GUID})",
    f"Trigger Details: MessageId: {_GUID}, DequeueCount: 1, InsertedOn: {_TIME}",
    f"Executed 'Functions.{FUNCTION}' (Succeeded, Id={_GUID}, Duration=12345ms)",
)
_HOST_COLUMNS: Mapping[str, object] = {
    "TimeGenerated": _TIME,
    "Category": f"Function.{FUNCTION}.User",
    "FunctionName": FUNCTION,
    "FunctionInvocationId": _GUID,
    "HostInstanceId": _GUID,
    "HostVersion": _HOST_VERSION,
    "Level": "Information",
    "LevelId": 2,
    "ProcessId": 12345,
    "AppName": _APP,
    "RoleInstance": _INSTANCE,
    "Location": "East US",
    "SourceSystem": "Azure",
    "TenantId": _GUID,
}


def entry(message_bytes: float = 0.0) -> float:
    """Return the bytes of a message in Application Insights, with its other columns."""
    columns = {"SeverityLevel": 1, "Properties": json.dumps(_DIMENSIONS)}
    return _bytes(_EVERY_ENTRY, columns) + message_bytes


def host_entry(message_bytes: float = 0.0) -> float:
    """Return the bytes of the same message in `FunctionAppLogs`, with its other columns."""
    return _bytes(_HOST_COLUMNS) + message_bytes


def execution() -> float:
    """Return the bytes of an execution in Application Insights, without the app's own entries.

    It is one request and the three entries of the host: that it begins, why, and that it has ended.
    The values of an entry stand in its message, and once more, each by its name, in its dimensions.
    """
    return _request() + sum(entry(2 * len(message)) for message in _HOST_MESSAGES)


def host_execution() -> float:
    """Return the bytes of an execution in `FunctionAppLogs`, without the app's own entries."""
    return sum(host_entry(len(message)) for message in _HOST_MESSAGES)


def message_sent() -> float:
    """Return the bytes of a message that an output sends: the SDK's call, and its HTTP request."""
    url = f"https://{'s' * 15}.queue.core.windows.net/route-table-sync/messages"
    call = {
        "Name": url,
        "Data": url,
        "Target": url,
        "DependencyType": "Azure queue",
        "Id": "0" * 16,
    }
    outcome = {"DurationMs": 12.3456, "Success": True, "ResultCode": 201}
    return 2 * _bytes(_EVERY_ENTRY, call, outcome, {"Properties": json.dumps(_DIMENSIONS)})


def awake_hour() -> float:
    """Return the bytes of the performance counters of an instance."""
    counter = {"Name": "% Processor Time Normalized", "Category": "Process", "Value": 12.3456}
    properties = {"Properties": json.dumps({"HostInstanceId": _GUID, "ProcessId": "12345"})}
    return 60 * COUNTERS_A_MINUTE * _bytes(_EVERY_ENTRY, counter, properties)


def _request() -> int:
    more = {
        "FullName": f"Functions.{FUNCTION}",
        "FunctionExecutionTimeMs": "12345.6789",
        "TriggerReason": _REASON,
    }
    request = {
        "Name": FUNCTION,
        "Id": "0" * 16,
        "DurationMs": 12345.6789,
        "Success": True,
        "PerformanceBucket": "1sec-3sec",
        "Properties": json.dumps({**_DIMENSIONS, **more}),
    }
    return _bytes(_EVERY_ENTRY, request)


def _bytes(*parts: Mapping[str, object]) -> int:
    return sum(len(str(value)) for part in parts for value in part.values())
