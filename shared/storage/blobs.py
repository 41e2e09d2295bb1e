"""Blobs in the app's own storage account. Role: Storage Blob Data Reader, at least.

The SDK is imported when the first blob is asked for, because most apps never read one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from azure.core import MatchConditions
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError

from ..domain import codes
from ..domain.errors import PermanentError, RouteSyncError, TransientError
from ..redaction import redacted
from ..transport import Transport
from .errors import storage_fault

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient, StorageStreamDownloader

_LASTING = frozenset({codes.STORAGE_NETWORK_REFUSED, codes.STORAGE_ACCESS_REFUSED})


@dataclass(frozen=True, slots=True)
class Blob:
    """The content of a blob when it was read, the time of its last change, and its ETag."""

    content: bytes
    modified_at: datetime
    etag: str


class Blobs:
    """Reads blobs of one account, which a URL names as `az storage blob url` shows it."""

    def __init__(self, connect: Callable[[], "BlobServiceClient"]) -> None:
        """`connect` may raise ValueError if the account has no blobs."""
        self._connect = connect

    @classmethod
    def from_connection_string(cls, connection_string: str) -> "Blobs":
        def connect() -> "BlobServiceClient":
            from azure.storage.blob import BlobServiceClient  # 40 ms

            return BlobServiceClient.from_connection_string(
                connection_string, transport=Transport(), permit_redirects=False
            )

        return cls(connect)

    @classmethod
    def from_identity(cls, endpoint: str, credential: TokenCredential) -> "Blobs":
        def connect() -> "BlobServiceClient":
            from azure.storage.blob import BlobServiceClient  # 40 ms

            return BlobServiceClient(
                endpoint, credential=credential, transport=Transport(), permit_redirects=False
            )

        return cls(connect)

    def has(self, url: str) -> bool:
        """Return whether this is the URL of a blob in this account, whether it exists or not."""
        return self._place(url) is not None

    def read(self, url: str, *, most_bytes: int, known: Blob | None = None) -> Blob:
        """Return the blob, whole. If it is still the known one, it is not sent again.

        Raise PermanentError if there is no such blob, if the app may not read it, or if it is
        larger than `most_bytes`. Raise TransientError if another attempt may help.
        """
        place = self._place(url)
        if place is None:
            raise PermanentError(codes.BLOB_NOT_FOUND, f"{redacted(url)} is not in this account")

        # The first answer has 32 MiB at most and says how large the whole blob is.
        with _blob_errors(url):
            try:
                stream = self._service.get_blob_client(*place).download_blob(**_unless(known))
            except HttpResponseError as error:
                if known is None or error.status_code != HTTPStatus.NOT_MODIFIED:
                    raise
                return known
            return _whole(stream, url, most_bytes)

    @cached_property
    def _service(self) -> "BlobServiceClient":
        return self._connect()

    def _place(self, url: str) -> tuple[str, str] | None:
        """Return container and blob; None if the URL names no blob of this account.

        A query would be a signature or a snapshot: the app has its own right, and wants the newest.
        """
        try:
            asked, ours = urlsplit(url), urlsplit(self._service.url.rstrip("/") + "/")
        except ValueError:
            return None
        is_ours = (asked.scheme, asked.netloc.lower()) == (ours.scheme, ours.netloc.lower())
        if not is_ours or asked.query or not asked.path.startswith(ours.path):
            return None
        container, _, blob = unquote(asked.path.removeprefix(ours.path)).partition("/")
        return (container, blob) if container and blob else None


def _whole(stream: "StorageStreamDownloader[bytes]", url: str, most_bytes: int) -> Blob:
    if stream.size > most_bytes:
        said = f"{url} has {stream.size:,} bytes and may have {most_bytes:,}"
        raise PermanentError(codes.BLOB_TOO_LARGE, said)
    found = stream.properties
    return Blob(stream.readall(), found.last_modified, found.etag)


def _unless(known: Blob | None) -> dict[str, Any]:
    """Return the options that ask for the blob only if it is another one."""
    if known is None:
        return {}
    return {"etag": known.etag, "match_condition": MatchConditions.IfModified}


@contextmanager
def _blob_errors(url: str) -> Iterator[None]:
    """Raise PermanentError or TransientError instead of azure.core's errors."""
    try:
        yield
    except AzureError as error:
        raise _typed_error(error, url) from error


def _typed_error(error: AzureError, url: str) -> RouteSyncError:
    if isinstance(error, ResourceNotFoundError):
        return PermanentError(codes.BLOB_NOT_FOUND, f"there is no blob {url}")

    found = storage_fault(error)
    if found.code == codes.STORAGE_ROLE_MISSING:
        return PermanentError(codes.BLOB_ROLE_MISSING, f"{url}: {found.message}")
    kind = PermanentError if found.code in _LASTING or _is_refusal(error) else TransientError
    return kind(found.code, f"{url}: {found.message}")


def _is_refusal(error: AzureError) -> bool:
    """Return whether storage has answered that it will not do this, however often it is asked."""
    status = error.status_code if isinstance(error, HttpResponseError) else None
    return status in {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT}
