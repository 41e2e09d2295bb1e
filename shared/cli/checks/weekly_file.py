"""Check the second source. Nothing here is a fault, because the API's answer counts without it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from ...app import App
from ...domain.registry.registered_table import RegisteredTable
from ...download import DOWNLOAD_HOST
from ...sync.run.pull import Comparison
from .diagnosis import Diagnosis, Grade
from .reach import Clock, Peer, reach

_PAGE_HOST = "www.microsoft.com"


def weekly_file_hosts(context: App, _registered: Sequence[RegisteredTable]) -> Iterator[Diagnosis]:
    """Reach each host from which the file comes."""
    url = context.settings.published_tags_url
    if url is None:
        return

    peers = [Peer("weekly file", url, "Storage" if context.blobs.has(url) else "")]
    if urlsplit(url).hostname == _PAGE_HOST:
        peers.append(Peer("weekly file", f"https://{DOWNLOAD_HOST}", ""))
    for peer in peers:
        reached = reach(peer, Clock())
        yield reached if reached.grade is Grade.OK else replace(reached, grade=Grade.WARNING)


def weekly_file(compared: Comparison) -> Iterator[Diagnosis]:
    """Say which file was read, and what is wrong with it."""
    if compared.publication is not None:
        yield Diagnosis("weekly file", Grade.OK, f"it is {compared.publication}")
    for found in compared.noted:
        yield Diagnosis("weekly file", Grade.WARNING, found.message, found.code.remedy)
