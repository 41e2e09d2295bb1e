"""Copy the tables of ASE Route Sync from one storage account to another.

Stop the app that uses the first one before: docs/storage.md has all steps. It needs the packages of
the command line, and `az login` as somebody with Storage Table Data Contributor at both accounts.
"""

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import batched

from azure.data.tables import TableEntity, TableServiceClient, UpdateMode
from azure.identity import AzureCliCredential

REGISTRATIONS, RUNS = "RouteTables", "SyncRuns"
# An app leaves every route table alone until it has registrations, so they come last.
TABLES = ("ServiceTagVersions", "SyncOutcomes", RUNS, REGISTRATIONS)
UNREGISTERED = "unregistered"
# Each app records its own settings and its own address.
OF_THE_APP_ITSELF = "settings"
AT_A_TIME = 16


def main() -> int:
    parser = argparse.ArgumentParser(description="Copy the app's tables to a new storage account.")
    for name in ("source", "target"):
        parser.add_argument(name, help="an account, or the URL of its Table Storage")
    given = parser.parse_args()

    source, target = (
        TableServiceClient(url_of(account), credential=AzureCliCredential())
        for account in (given.source, given.target)
    )
    return copied(source, target)


def url_of(account: str) -> str:
    return account if "://" in account else f"https://{account}.table.core.windows.net"


def copied(source: TableServiceClient, target: TableServiceClient) -> int:
    """Return the exit status. It can be run again if it was interrupted."""
    fault = why_not(source, target)
    if fault is not None:
        print(f"{fault} Nothing was copied.", file=sys.stderr)
        return 1

    for name in TABLES:
        print(f"{name}: {rows_copied(source, target, name)} rows", flush=True)
    return 0


def why_not(source: TableServiceClient, target: TableServiceClient) -> str | None:
    known = registered(source)
    if not known:
        return "The first account has no registrations: is it the right one?"
    others = registered(target) - known
    if others:
        return f"The second account has registrations of its own: {sorted(others)}."
    if runs(target) - runs(source):
        return "The second account has runs of its own, and what they know would be overwritten."

    running = source.get_table_client(RUNS).query_entities("status eq 'Running'", select="RowKey")
    if any(running):
        return "A run of the first app is under way: wait until it has ended, and stop the app."
    return None


def registered(service: TableServiceClient) -> set[str]:
    """Return the rows of the registrations, which differ by their ids."""
    found = rows(service, REGISTRATIONS)
    return {row["RowKey"] for row in found if row["PartitionKey"] != UNREGISTERED}


def runs(service: TableServiceClient) -> set[str]:
    found = service.create_table_if_not_exists(RUNS).query_entities(
        "PartitionKey eq 'run'", select="RowKey"
    )
    return {row["RowKey"] for row in found}


def rows_copied(source: TableServiceClient, target: TableServiceClient, name: str) -> int:
    table = target.create_table_if_not_exists(name)

    def put(row: TableEntity) -> None:
        table.upsert_entity(row, mode=UpdateMode.REPLACE)

    number = 0
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for part in batched(rows(source, name), 1000, strict=False):
            number += len([*pool.map(put, part)])
    return number


def rows(service: TableServiceClient, name: str) -> Iterator[TableEntity]:
    found = service.create_table_if_not_exists(name).list_entities()
    return (row for row in found if row["PartitionKey"] != OF_THE_APP_ITSELF)


if __name__ == "__main__":
    sys.exit(main())
