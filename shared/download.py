"""The weekly file of service tags: from Microsoft's download page, a URL, or a blob of our account.

The page is "Azure IP Ranges and Service Tags": details.aspx with id 56519, of US Government 57063,
of China 57062. It has no address that stays: the file's name has its day, and the page names it in
the link of its button and in `window.__DLCDetails__`, a script. Both have changed and been missing
for days (MicrosoftDocs/azure-docs#109308), so any text that is the URL of a weekly file counts.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from azure.core.exceptions import AzureError, DecodeError
from azure.core.pipeline import Pipeline
from azure.core.pipeline.policies import RetryPolicy
from azure.core.rest import HttpRequest, HttpResponse

from . import __version__
from .connections import no_connection
from .deadline import out_of_time, seconds_left
from .domain.codes import OUT_OF_TIME
from .domain.errors import RouteSyncError, UnusableWeeklyFile
from .domain.weekly_file import CLOUD_NAMES, WeeklyFile, is_html, parse_weekly_file
from .questions import Aside
from .redaction import redacted
from .storage.blobs import Blob, Blobs
from .transport import Transport

DOWNLOAD_HOST = "download.microsoft.com"
"""The page links to files of this host, or of its own if it is somebody's copy of the page."""
MOST_BYTES = 32 * 1024 * 1024
"""The largest file of 2025 has 5 MB."""
MOST_SECONDS = 60.0
"""For all of it, so that a run never waits longer for its second source."""
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {
    "User-Agent": f"Mozilla/5.0 (compatible; ase-route-sync/{__version__})",
    "Accept": "application/json, text/html;q=0.9, */*;q=0.8",
}
"""Programs that fetch the page say that they are a browser: without it, it has refused them."""
_WORD = re.compile(r"[^\s\"'<>()\\]+")
_FILE = re.compile(r"/ServiceTags_(?P<cloud>[A-Za-z]+)_(?P<day>\d{8})\.json", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Got:
    """A body, the URL that gave it in the end, the time of its last change, and its ETag."""

    url: str
    content: bytes
    modified_at: datetime | None
    etag: str | None = None


class WeeklyFileDownload:
    """Fetches the file. While its server says that it is the same, it is not sent again."""

    def __init__(self, url: str, blobs: Blobs, *, cloud: str) -> None:
        self._url = url
        self._blobs = blobs
        self._cloud = cloud
        self._file = Aside(self._newest)

        # A host behind a closed firewall is tried once, because a run waits for it.
        retries = RetryPolicy(retry_total=2, retry_connect=0)
        self._pipeline = Pipeline[HttpRequest, Any](Transport(), [retries])

        # The last good file, and the last blob.
        self._kept: _Got | None = None
        self._blob: Blob | None = None

    def read(self) -> WeeklyFile:
        """Return the newest file that is there.

        Raise UnusableWeeklyFile if there is none, or if it cannot be fetched within a minute.
        """
        if seconds_left() <= 0:
            raise UnusableWeeklyFile(f"{_shown(self._url)}: {out_of_time()}")
        try:
            return self._file.ask(MOST_SECONDS)
        except TimeoutError:
            raise UnusableWeeklyFile(self._too_late()) from None

    def _newest(self) -> WeeklyFile:
        got = self._fetched()
        file = parse_weekly_file(
            got.content, name=_name_of(got.url), modified_at=got.modified_at, cloud=self._cloud
        )
        # One that was cut off on its way is not kept: it would stay so.
        self._kept = got if got.etag else None
        return file

    def _too_late(self) -> str:
        return f"{_shown(self._url)}: no answer within {MOST_SECONDS:g} s"

    def _fetched(self) -> _Got:
        try:
            return self._found()
        except UnusableWeeklyFile:
            raise
        except RouteSyncError as error:
            said = self._too_late() if error.code == OUT_OF_TIME else str(error)
            raise UnusableWeeklyFile(said) from error

    def _found(self) -> _Got:
        if self._blobs.has(self._url):
            self._blob = self._blobs.read(self._url, most_bytes=MOST_BYTES, known=self._blob)
            return _Got(self._url, self._blob.content, self._blob.modified_at)

        got = self._get(self._url)
        if not is_html(got.content):
            return got
        return self._get(link_on(got.content.decode(errors="replace"), got.url, self._cloud))

    def _get(self, url: str) -> _Got:
        """Follow redirects on the same host alone: another one may be anybody's."""
        for _ in range(_MOST_REDIRECTS + 1):
            try:
                got = self._answer(url)
            except AzureError as error:
                raise UnusableWeeklyFile(_why_no_answer(error, url)) from error
            if isinstance(got, _Got):
                return got
            url = _followed(url, got)
        raise UnusableWeeklyFile(f"{_shown(url)} redirects without end")

    def _answer(self, url: str) -> _Got | str:
        """Return what is there, or the URL to which it leads."""
        known = self._kept if self._kept is not None and self._kept.url == url else None
        request = HttpRequest("GET", url, headers=_HEADERS | _unless(known))
        with self._pipeline.run(request, stream=True).http_response as response:
            if response.status_code == HTTPStatus.NOT_MODIFIED and known is not None:
                return known
            return _taken(response, url)


def _taken(response: HttpResponse, url: str) -> _Got | str:
    status, headers = response.status_code, response.headers
    if status in _REDIRECTS and "Location" in headers:
        return _joined(url, str(headers["Location"]))
    if status != HTTPStatus.OK:
        why = _of_storage(headers.get("x-ms-error-code"))
        raise UnusableWeeklyFile(f"{_shown(url)} answers HTTP {status}{why}")

    content = b"".join(_bounded(response.iter_bytes(), url))
    return _Got(url, content, _moment(headers.get("Last-Modified")), headers.get("ETag"))


def _of_storage(error_code: str | None) -> str:
    """Say what Azure Storage means with an error if nobody has signed in to it."""
    if error_code is None:
        return ""
    return f", {error_code}: outside of the app's own account, a blob has to be open to everybody"


def _unless(known: _Got | None) -> dict[str, str]:
    """Return the header that asks for the content only if it is another one."""
    return {"If-None-Match": known.etag} if known is not None and known.etag else {}


def link_on(page: str, page_url: str, cloud: str) -> str:
    """Return the URL of the newest weekly file of this cloud that the page names.

    Raise UnusableWeeklyFile if it names none, or if it is on a host that is neither Microsoft's
    download host nor the page's own.
    """
    newest = _newest_by_cloud(page)
    if CLOUD_NAMES[cloud] not in newest:
        others = (
            f"is about {', '.join(sorted(newest))} and" if newest else "may have a new form: it"
        )
        raise UnusableWeeklyFile(f"{_shown(page_url)} {others} links no weekly file of {cloud}")

    link = _joined(page_url, newest[CLOUD_NAMES[cloud]])
    if not (_same_origin(page_url, link) or _is_download(link)):
        said = f"{_shown(page_url)} links to {urlsplit(link).hostname}, not to {DOWNLOAD_HOST}"
        raise UnusableWeeklyFile(f"{said}: it was not followed")
    return link


def _newest_by_cloud(page: str) -> dict[str, str]:
    """Return the link to the newest file of each cloud, wherever the page has it."""
    text = html.unescape(page).replace("\\u002F", "/").replace("\\/", "/")

    # A pattern for whole links could take long on a page that is made for it, so look at each word.
    words = (word[0] for word in _WORD.finditer(text))
    named = [(found, word) for word in words if (found := _FILE.search(word))]
    return {found["cloud"]: word for found, word in sorted(named, key=lambda one: one[0]["day"])}


def _is_download(link: str) -> bool:
    parts = urlsplit(link)
    return (parts.scheme, parts.netloc.lower()) == ("https", DOWNLOAD_HOST)


def _followed(url: str, target: str) -> str:
    """Return the target of a redirect. Raise UnusableWeeklyFile if it is on another host."""
    if _same_origin(url, target):
        return target
    said = f"{_shown(url)} redirects to another host, {urlsplit(target).hostname}"
    raise UnusableWeeklyFile(f"{said}, and that was not followed")


def _joined(url: str, target: str) -> str:
    """Return the URL of a link or a redirect. Raise UnusableWeeklyFile if it is none."""
    try:
        return urljoin(url, target)
    except ValueError as error:
        raise UnusableWeeklyFile(f"{_shown(url)} leads to no URL: {error}") from None


def _shown(url: str) -> str:
    """Leave out the query: a server that redirects may put a signature there."""
    return urlsplit(url)._replace(query="", fragment="").geturl()


def _same_origin(one: str, other: str) -> bool:
    first, second = urlsplit(one), urlsplit(other)
    return (first.scheme, first.netloc.lower()) == (second.scheme, second.netloc.lower())


def _bounded(chunks: Iterator[bytes], url: str) -> Iterator[bytes]:
    """Pass the chunks on. Raise an error if they are too many, or too slow."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MOST_BYTES:
            raise UnusableWeeklyFile(f"{_shown(url)} has more than {MOST_BYTES:,} bytes")
        if seconds_left() <= 0:
            raise out_of_time()
        yield chunk


def _why_no_answer(error: AzureError, url: str) -> str:
    cut_off = no_connection(error, _shown(url))
    if cut_off is not None:
        return f"{cut_off.message} ({cut_off.code})"
    what = "the answer is cut off" if isinstance(error, DecodeError) else "no answer"
    return redacted(f"{_shown(url)}: {what}: {type(error).__name__}: {error.message}")


def _moment(text: str | None) -> datetime | None:
    try:
        return None if text is None else parsedate_to_datetime(text)
    except ValueError:
        return None


def _name_of(url: str) -> str:
    return unquote(urlsplit(url).path).rpartition("/")[2] or url
