"""Read an Atom feed, and check that RFC 4287 allows it."""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from urllib.parse import urlsplit

ATOM = "{http://www.w3.org/2005/Atom}"
_ONCE = {"id", "title", "updated"}
_ATTRIBUTES = {
    "link": {"rel", "type", "href"},
    "category": {"term"},
    "content": {"type"},
}
_CHILDREN = {
    "feed": _ONCE | {"author", "link", "entry"},
    "entry": _ONCE | {"published", "link", "category", "content"},
    "author": {"name"},
}
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?Z")
"""Section 3.3, in UTC."""


@dataclass(frozen=True)
class Entry:
    entry_id: str
    title: str
    updated: datetime
    link: str
    content: str

    @property
    def prefixes(self) -> list[str]:
        """The lines of the lists in the content."""
        return _Lines(self.content).items


@dataclass(frozen=True)
class Feed:
    feed_id: str
    updated: datetime
    own: str
    page: str
    entries: list[Entry]


def read_feed(document: bytes) -> Feed:
    """Return the feed, if it keeps to the specification in all that we use of it."""
    root = ET.fromstring(document)
    assert root.tag == f"{ATOM}feed"
    _check(root)

    [name] = root.findall(f"{ATOM}author/{ATOM}name")
    assert name.text
    links = _links(root)
    entries = [_entry(each) for each in root.findall(f"{ATOM}entry")]
    ids = [_text(root, "id"), *(entry.entry_id for entry in entries)]
    assert len(ids) == len({*ids})
    return Feed(ids[0], _time(root), links["self"], links["alternate"], entries)


def _check(element: ET.Element) -> None:
    """Each element has only what it may have, and what it needs exactly once."""
    kind = element.tag.removeprefix(ATOM)
    children = [child.tag.removeprefix(ATOM) for child in element]
    assert {*children} <= _CHILDREN.get(kind, set()), kind
    allowed = _ATTRIBUTES.get(kind, {"{http://www.w3.org/XML/1998/namespace}lang"})
    assert {*element.keys()} <= allowed, kind
    if kind in {"feed", "entry"}:
        assert all(children.count(once) == 1 for once in _ONCE)
        assert not (element.text or "").strip()
    for child in element:
        _check(child)


def _entry(element: ET.Element) -> Entry:
    content = element.find(f"{ATOM}content")
    assert content is not None and content.get("type") == "html"
    assert _Lines(content.text or "").tags <= {"p", "br", "ul", "li"}
    return Entry(
        _text(element, "id"),
        _text(element, "title"),
        _time(element),
        _links(element)["alternate"],
        content.text or "",
    )


def _links(element: ET.Element) -> dict[str, str]:
    """Section 4.2.7: with a reference, and at most one of a kind here."""
    links = element.findall(f"{ATOM}link")
    found = {link.get("rel", ""): link.get("href", "") for link in links}
    assert len(found) == len(links)
    for url in found.values():
        assert urlsplit(url).scheme in {"http", "https"} and urlsplit(url).netloc
    return found


def _time(element: ET.Element) -> datetime:
    text = _text(element, "updated")
    assert _TIME.fullmatch(text), text
    return datetime.fromisoformat(text)


def _text(element: ET.Element, tag: str) -> str:
    child = element.find(f"{ATOM}{tag}")
    assert child is not None and child.text
    if tag == "id":
        assert re.fullmatch("urn:uuid:[0-9a-f-]{36}", child.text), child.text
    return child.text


class _Lines(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.items: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not attrs
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        if self.lasttag == "li":
            self.items.append(data)
