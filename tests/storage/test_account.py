"""Connections to the storage account."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.core.exceptions import HttpResponseError

from shared.storage.account import StorageAccount
from shared.transport import MOST_CONNECTIONS


def test_a_connection_is_kept_for_each_of_a_workers_threads(app, caplog):
    with caplog.at_level("WARNING", "urllib3"), ThreadPoolExecutor(MOST_CONNECTIONS) as threads:
        list(threads.map(lambda _: app.account.check(), range(300)))
    assert "pool is full" not in caplog.text


def test_a_redirect_is_an_error(receiver):
    receiver.status = 307
    account = receiver.url.split("/hook")[0]
    connection = f"TableEndpoint={account}/one;AccountName=one;AccountKey=c2VjcmV0"
    with pytest.raises(HttpResponseError, match="Temporary Redirect"):
        StorageAccount.from_connection_string(connection).check()
    assert receiver.seen == 1
