"""The tables of the storage account, which the host, the queues and the app share."""

from functools import cached_property
from typing import Any

from azure.core.credentials import TokenCredential
from azure.data.tables import TableClient, TableServiceClient

from ..deadline import RESERVE_SECONDS
from ..transport import Transport


class StorageAccount:
    """Makes each table when it is first used.

    All errors of azure.core reach the caller: they fail the worker, and the queue delivers again.
    """

    def __init__(self, service: TableServiceClient) -> None:
        self._service = service

    @classmethod
    def from_connection_string(cls, connection_string: str) -> "StorageAccount":
        return cls(
            TableServiceClient.from_connection_string(connection_string, **_pipeline_options())
        )

    @classmethod
    def from_identity(cls, endpoint: str, credential: TokenCredential) -> "StorageAccount":
        return cls(TableServiceClient(endpoint, credential=credential, **_pipeline_options()))

    @cached_property
    def versions(self) -> TableClient:
        return self._service.create_table_if_not_exists("ServiceTagVersions")

    @cached_property
    def route_tables(self) -> TableClient:
        return self._service.create_table_if_not_exists("RouteTables")

    @cached_property
    def runs(self) -> TableClient:
        return self._service.create_table_if_not_exists("SyncRuns")

    @cached_property
    def outcomes(self) -> TableClient:
        return self._service.create_table_if_not_exists("SyncOutcomes")

    def check(self) -> None:
        """Raise azure.core.exceptions.AzureError if the account does not answer."""
        rows = self.runs.list_entities(results_per_page=1, select=["RowKey"])
        next(iter(rows), None)


def _pipeline_options() -> dict[str, Any]:
    """What is stored goes to the storage account only, wherever an answer points."""
    return {"transport": Transport(reserve_seconds=RESERVE_SECONDS), "permit_redirects": False}
