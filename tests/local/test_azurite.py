"""Azurite as the tests and the benchmark need it."""

import threading

from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueClient

from local.azurite import Azurite


def test_azurite_tells_each_request():
    told = threading.Event()
    lines = []

    def on_request(line):
        lines.append(line)
        told.set()

    with Azurite(on_request=on_request) as storage:
        service = TableServiceClient.from_connection_string(storage.connection_string())
        assert list(service.list_tables()) == []
        assert told.wait(10)
    [line] = lines
    assert "GET /devstoreaccount1/Tables" in line


def test_its_clock_goes_forward_and_its_messages_come_by_that_clock():
    with Azurite() as storage:
        queue = QueueClient.from_connection_string(storage.connection_string(), "work")
        queue.create_queue()
        queue.send_message("one")
        assert [one.content for one in queue.receive_messages(visibility_timeout=600)] == ["one"]
        storage.forward(590)
        assert queue.peek_messages() == []
        storage.forward(10)
        assert [one.content for one in queue.peek_messages()] == ["one"]
