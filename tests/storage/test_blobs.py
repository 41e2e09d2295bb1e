"""Blobs of the app's own account: Azurite, and a server that refuses as the real one does."""

from http.server import BaseHTTPRequestHandler

import pytest
from azure.storage.blob import BlobServiceClient

from shared.app import storage_blobs
from shared.deadline import time_limit
from shared.domain import codes
from shared.domain.errors import PermanentError, TransientError
from shared.settings import Connections
from shared.storage.blobs import Blobs
from tests.served import Served

CONTENT = b"0123456789"


@pytest.fixture
def container(storage):
    service = BlobServiceClient.from_connection_string(storage)
    with service, service.create_container("lists") as container:
        yield container


@pytest.fixture
def blobs(storage):
    return Blobs.from_connection_string(storage)


def uploaded(container, name="weekly.json", content=CONTENT):
    return container.upload_blob(name, content, overwrite=True).url


@pytest.mark.parametrize("name", ["weekly.json", "a folder/weekly file+1 ü.json"])
def test_a_blob_is_read_by_the_url_that_storage_gives_it(blobs, container, name):
    url = uploaded(container, name)
    assert blobs.has(url)
    assert blobs.read(url, most_bytes=100).content == CONTENT


def test_it_says_when_the_blob_was_written(blobs, container):
    url = uploaded(container)
    written = container.get_blob_client("weekly.json").get_blob_properties().last_modified
    assert blobs.read(url, most_bytes=100).modified_at == written


def test_a_known_blob_is_read_again_only_if_it_has_changed(blobs, container):
    known = blobs.read(uploaded(container), most_bytes=100)
    assert blobs.read(uploaded(container), most_bytes=100, known=known) is not known
    known = blobs.read(uploaded(container), most_bytes=100)
    url = uploaded(container, content=b"changed")
    changed = blobs.read(url, most_bytes=100, known=known)
    assert changed.content == b"changed"
    assert blobs.read(url, most_bytes=100, known=changed) is changed


def test_a_known_blob_that_is_gone_is_missing(blobs, container):
    url = uploaded(container)
    known = blobs.read(url, most_bytes=100)
    container.delete_blob("weekly.json")
    with pytest.raises(PermanentError, match="there is no blob"):
        blobs.read(url, most_bytes=100, known=known)


@pytest.mark.parametrize("content", [b"", CONTENT])
def test_a_blob_may_have_so_many_bytes(blobs, container, content):
    url = uploaded(container, content=content)
    assert blobs.read(url, most_bytes=len(CONTENT)).content == content


def test_a_larger_blob_is_refused(blobs, container):
    url = uploaded(container)
    with pytest.raises(PermanentError, match=r"weekly\.json has 10 bytes and may have 9") as raised:
        blobs.read(url, most_bytes=len(CONTENT) - 1)
    assert raised.value.code == codes.BLOB_TOO_LARGE


@pytest.mark.parametrize("name", ["lists/absent.json", "absent/weekly.json"])
def test_a_missing_blob_or_container_is_named(blobs, container, name):
    url = uploaded(container).replace("lists/weekly.json", name)
    with pytest.raises(PermanentError, match=f"there is no blob .*{name}") as raised:
        blobs.read(url, most_bytes=100)
    assert raised.value.code == codes.BLOB_NOT_FOUND


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("127.0.0.1", "localhost"),
        lambda url: url.replace("http://", "https://"),
        lambda url: url.replace("/account", "/other"),
        lambda url: url + "?sig=abc",
        lambda url: url.removesuffix("/weekly.json"),
        lambda _: "https://www.microsoft.com/en-us/download/details.aspx?id=56519",
        lambda _: "http://[/lists/weekly.json",
    ],
)
def test_any_other_url_is_no_blob_of_this_account(blobs, container, change):
    url = change(uploaded(container))
    assert not blobs.has(url)
    with pytest.raises(PermanentError):
        blobs.read(url, most_bytes=100)


def test_an_account_whose_connection_string_names_no_blobs_has_none():
    blobs = Blobs.from_connection_string("TableEndpoint=http://127.0.0.1:9/account")
    assert not blobs.has("http://127.0.0.1:9/account/lists/weekly.json")


@pytest.mark.parametrize(
    "settings",
    [
        {"AzureWebJobsStorage__accountName": "one"},
        {"AzureWebJobsStorage__tableServiceUri": "https://one.table.core.windows.net/"},
        {
            "AzureWebJobsStorage__tableServiceUri": "https://elsewhere.example/",
            "AzureWebJobsStorage__blobServiceUri": "https://one.blob.core.windows.net/",
        },
    ],
)
def test_an_identity_reads_the_account_of_the_settings(settings):
    blobs = storage_blobs(Connections.read(settings))
    assert blobs.has("https://ONE.blob.core.windows.net/lists/weekly.json")
    assert not blobs.has("https://two.blob.core.windows.net/lists/weekly.json")


class Refusing(Served):
    """Answers everything with the same error, as storage writes it."""

    def __init__(self) -> None:
        self.status, self.code = 403, ""
        self.seen = 0
        super().__init__(_handler(self))


def _handler(server):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.seen += 1
            body = f"<Error><Code>{server.code}</Code><Message>No.</Message></Error>".encode()
            self.send_response(server.status)
            self.send_header("x-ms-error-code", server.code)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            if server.status == 307:
                self.send_header("Location", f"http://127.0.0.1:{server.port}/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            return

    return Handler


@pytest.fixture
def refusing():
    with Refusing() as running:
        yield running


def read_from(port):
    account = f"http://127.0.0.1:{port}/account"
    blobs = Blobs.from_connection_string(
        f"AccountName=account;AccountKey=c2VjcmV0;BlobEndpoint={account}"
    )
    return blobs.read(f"{account}/lists/weekly.json", most_bytes=100)


@pytest.mark.parametrize(
    ("status", "code", "error", "said"),
    [
        (403, "AuthorizationPermissionMismatch", PermanentError, codes.BLOB_ROLE_MISSING),
        (403, "AuthorizationFailure", PermanentError, codes.STORAGE_NETWORK_REFUSED),
        (403, "AuthenticationFailed", PermanentError, codes.STORAGE_ACCESS_REFUSED),
        (409, "BlobArchived", PermanentError, codes.STORAGE_UNAVAILABLE),
        (307, "", TransientError, codes.STORAGE_UNAVAILABLE),
        (429, "TooManyRequests", TransientError, codes.STORAGE_UNAVAILABLE),
        (503, "ServerBusy", TransientError, codes.STORAGE_UNAVAILABLE),
    ],
)
def test_a_refusal_says_whether_another_attempt_may_help(
    refusing, nobody_waits, status, code, error, said
):
    refusing.status, refusing.code = status, code
    with pytest.raises(error, match=r"lists/weekly\.json: storage: ") as raised:
        read_from(refusing.port)
    assert raised.value.code == said
    assert code in raised.value.message


def test_a_redirect_is_not_followed(refusing):
    refusing.status = 307
    with pytest.raises(TransientError):
        read_from(refusing.port)
    assert refusing.seen == 1


def test_an_account_that_does_not_answer_may_answer_later(nobody_waits):
    with pytest.raises(TransientError) as raised:
        read_from(9)
    assert raised.value.code == codes.HOST_UNREACHABLE


def test_no_read_begins_after_the_deadline(refusing):
    with time_limit(0), pytest.raises(TransientError) as raised:
        read_from(refusing.port)
    assert raised.value.code == codes.OUT_OF_TIME
    assert refusing.seen == 0
