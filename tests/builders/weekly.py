"""Microsoft's download page of the weekly file, and the files, on a port of 127.0.0.1.

The page is as it was in 2024 and 2025 by the programs that read it: the link of the button
`dlcdetail__download-btn`, and the script `window.__DLCDetails__` with `dlcDetailsView.downloadFile`
(PSAzureLocator, AzureIPRangesDownloader, Get-AzureIps.ps1; winget's tools for the script). The real
links lead to download.microsoft.com, and these lead back here.
"""

import gzip
import json
from collections.abc import Iterable
from datetime import date
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.served import Served

from .azure import tag_document
from .recorded import DOCUMENTS
from .runs import START

MONDAY = date(2026, 3, 2)
"""The last publication before `START`."""
PAGE = "/en-us/download/details.aspx?id=56519"
_FILES = "/download/7/1/d/71d86715-5596-4529-9b13-da13a5de5b63/"
_HTML = """\ufeff<!DOCTYPE html><html lang="en-us" dir="ltr"><head>
<title>Download Azure IP Ranges and Service Tags &#8211; Public Cloud from Official Microsoft
Download Center</title></head><body>
<a href="{files}" id="rootContentList_0" class="dlcdetail__download-btn btn btn-primary"
 aria-label="Download Azure IP Ranges and Service Tags">Download</a>
<a href="https://www.microsoft.com/surface">Buy a Surface</a>
<script>window.__DLCDetails__={details}</script></body></html>"""


class DownloadCenter(Served):
    """`host` is where the links lead. A program that does not say that it is a browser gets 403."""

    def __init__(self) -> None:
        super().__init__(_handler(self))
        self.host = f"http://127.0.0.1:{self.port}"

        # The file, and how it is served.
        self.name = "ServiceTags_Public_20260302.json"
        self.content = b""
        self.headers: dict[str, str] = {}
        self.statuses: dict[str, int] = {}
        """The status with which a path answers, if it is not 200."""

        # The page.
        self.page: bytes | None = None
        """Another page than Microsoft's."""
        self.redirect = ""
        """The new address of the page, if it has moved."""
        self.asked: list[str] = []
        self.sent = 0
        """How often the file was sent."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PAGE}"

    @property
    def file_url(self) -> str:
        return f"http://127.0.0.1:{self.port}{_FILES}{self.name}"

    def publish(self, prefixes: Iterable[str], day: date = MONDAY, *, number: int = 374) -> None:
        """Publish a weekly file in which the tag has these prefixes."""
        self.name = f"ServiceTags_Public_{day:%Y%m%d}.json"
        self.content = json.dumps({"changeNumber": number, **tag_document(prefixes)}).encode()

    def publish_real(self, name: str) -> dict[str, Any]:
        """Publish a file as Microsoft has published it."""
        self.name = name
        self.content = real_file(name)
        document: dict[str, Any] = json.loads(self.content)
        return document

    def file(self, known: str | None) -> tuple[int, bytes]:
        """The answer to somebody who knows the file by this ETag."""
        if known == self.headers.get("ETag", ""):
            return 304, b""
        self.sent += 1
        return 200, self.content

    def html(self) -> bytes:
        link = f"{self.host}{_FILES}{self.name}"
        file = {"isPrimary": "True", "name": self.name, "url": link, "size": "4345321"}
        details = {"dlcDetailsView": {"downloadTitle": "Azure IP Ranges", "downloadFile": [file]}}
        page = _HTML.replace("{files}", link).replace("{details}", json.dumps(details))
        return page.encode()


def real_file(name: str) -> bytes:
    return gzip.decompress((DOCUMENTS / f"{name}.gz").read_bytes())


def prefixes_of(document: dict[str, Any], tag: str = "AppServiceManagement") -> list[str]:
    [found] = [value for value in document["values"] if value["name"] == tag]
    return list(found["properties"]["addressPrefixes"])


def _handler(center: DownloadCenter) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            center.asked.append(self.path)
            if "Mozilla" not in self.headers.get("User-Agent", ""):
                self._answer(403, b"Access Denied")
            elif self.path.startswith("/download/details.aspx"):
                self._answer(302, b"", Location=PAGE)
            elif self.path == PAGE and center.redirect:
                self._answer(301, b"", Location=center.redirect)
            elif self.path == PAGE:
                self._answer(200, center.html() if center.page is None else center.page)
            elif not self.path.endswith(center.name):
                self._answer(404, b"<html>Not found</html>")
            else:
                status, content = center.file(self.headers.get("If-None-Match"))
                self._answer(status, content, **center.headers)

        def _answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(center.statuses.get(self.path.rpartition("/")[2], status))
            for name, value in ({"Content_Length": str(len(body))} | headers).items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    return Handler


def last_modified(day: date) -> dict[str, str]:
    at = START.replace(year=day.year, month=day.month, day=day.day)
    return {"Last_Modified": format_datetime(at, usegmt=True)}
