"""The storage calls that Azurite tells are counted as Azure bills them."""

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient

from bench.storage_calls import (
    METERS,
    StorageCall,
    are_settled,
    busy_seconds,
    executions,
    operations,
    read_call,
)
from local.azurite import Azurite


def sent(queue="route-table-sync", at=0.0):
    return StorageCall("POST", f"{queue}/messages", at=at)


def looked(queue="route-table-sync"):
    return StorageCall("GET", f"{queue}/messages", "?numofmessages=8")


def ended(queue="route-table-sync", at=0.0):
    return StorageCall("DELETE", f"{queue}/messages/1", "?popreceipt=1", at=at)


def test_each_kind_of_call_is_told_apart():
    lines: list[str] = []
    with Azurite(on_request=lines.append) as azurite:
        connection = azurite.connection_string()
        with QueueClient.from_connection_string(connection, "route-table-sync") as queue:
            queue.create_queue()
            queue.send_message("one")
            for message in queue.receive_messages():
                queue.delete_message(message)
        with TableServiceClient.from_connection_string(connection) as tables:
            rows = tables.create_table("RouteTables")
            row = {"PartitionKey": "a", "RowKey": "b"}
            rows.create_entity(row)
            rows.get_entity("a", "b")
            rows.submit_transaction([("upsert", row)])
        with BlobServiceClient.from_connection_string(connection) as blobs:
            blob = blobs.create_container("locks").upload_blob("lock", b"")
            blob.acquire_lease(15)
            list(blobs.get_container_client("locks").list_blobs())

    calls = [call for call in map(read_call, lines) if call]
    assert operations(calls) == {
        "queueOperations": 4,
        "tableOperations": 4,
        "blobWrites": 3,
        "blobReads": 1,
    }
    assert executions(calls) == {"sync_route_table": 1}
    assert are_settled(calls)
    # Two looks at the queue, a row, and a list of blobs.
    assert [call.changes for call in calls].count(False) == 4


def test_a_look_counts_only_for_a_message_that_it_brought():
    looks = [looked() for _ in range(9)]
    assert operations(looks) == dict.fromkeys(METERS, 0)
    assert operations([sent(), *looks, ended()])["queueOperations"] == 3


@pytest.mark.parametrize(
    ("calls", "settled"),
    [
        ([], True),
        ([sent()], False),
        ([sent(), ended()], True),
        ([sent(), sent(), ended()], False),
        ([StorageCall("POST", "route-table-sync/messages", status=404), sent(), ended()], True),
        ([sent(), ended("resource-events"), sent("resource-events")], False),
    ],
)
def test_the_work_has_ended_when_each_queue_has_lost_what_it_got(calls, settled):
    assert are_settled(calls) is settled


def test_a_function_is_busy_from_its_first_message_to_its_last():
    calls = [
        sent(at=2.0),
        sent(at=3.0),
        ended(at=4.0),
        ended(at=7.5),
        sent("resource-events", at=9),
    ]
    assert busy_seconds(calls, "route-table-sync") == 5.5
    assert busy_seconds(calls, "route-table-runs") == 0.0


def test_another_line_tells_of_no_call():
    assert read_call("Azurite Queue service is successfully listening") is None
