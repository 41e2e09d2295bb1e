"""Connections to the storage account."""

from concurrent.futures import ThreadPoolExecutor

from shared.transport import MOST_CONNECTIONS


def test_a_connection_is_kept_for_each_of_a_workers_threads(app, caplog):
    with caplog.at_level("WARNING", "urllib3"), ThreadPoolExecutor(MOST_CONNECTIONS) as threads:
        list(threads.map(lambda _: app.account.check(), range(300)))
    assert "pool is full" not in caplog.text
