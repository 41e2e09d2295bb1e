"""The recorded versions as an Atom feed (RFC 4287), which any feed reader can follow."""

import re
import uuid
import xml.etree.ElementTree as ET  # nosec B405: it writes XML, and reads none
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from .domain.addresses import Difference, Version, is_list
from .domain.armid import EnvironmentId
from .domain.times import utc_text

MIME_TYPE = "application/atom+xml"
MOST_PREFIXES = 100
"""The most that are shown of each version and kind of change. The others are counted."""
_NAMESPACE = "http://www.w3.org/2005/Atom"
_PRODUCT = "ASE Route Sync"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""A feed without entries needs a time as well."""
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""The characters that no XML 1.0 document can hold, not even as an escape sequence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The app that has the feed, and where things are.

    `name` tells this app from others. `own` is the URL of the feed, `page` the one of a page for
    people, and `version` makes the URL of a version.
    """

    name: str
    own: str
    page: str
    version: Callable[[Version], str]


def versions_feed(place: Place, versions: Iterable[tuple[Version, Difference]]) -> bytes:
    """Return the feed of these versions, each with what it changed, in this order."""
    shown = list(versions)
    feed = _head(place, max((version.recorded_at for version, _ in shown), default=_NEVER))
    for version, change in shown:
        _add_entry(feed, version, change, place.version(version))

    document: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return document


def _head(place: Place, updated: datetime) -> ET.Element:
    feed = ET.Element("feed", {"xmlns": _NAMESPACE, "xml:lang": "en"})
    _add(feed, "id", _urn(place.name))
    _add(feed, "title", f"{_PRODUCT}: recorded versions")
    _add(feed, "updated", utc_text(updated))
    _add(_add(feed, "author"), "name", _PRODUCT)
    _add(feed, "link", rel="self", type=MIME_TYPE, href=place.own)
    _add(feed, "link", rel="alternate", type="text/html", href=place.page)
    return feed


def _add_entry(feed: ET.Element, version: Version, change: Difference, url: str) -> None:
    entry, at = _add(feed, "entry"), utc_text(version.recorded_at)

    # Other apps have versions with the same id, but the id of a run is unique.
    _add(entry, "id", _urn(f"{version.version_id} {version.run_id}"))
    _add(entry, "title", f"{_name(version)} {_counted(version, change)}")
    _add(entry, "updated", at)
    _add(entry, "published", at)
    _add(entry, "link", rel="alternate", type="application/json", href=url)
    _add(entry, "category", term=_name(version))
    _add(entry, "content", _content(version, change), type="html")


def _add(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> ET.Element:
    clean = {name: _NO_XML.sub("\ufffd", value) for name, value in attributes.items()}
    element = ET.SubElement(parent, tag, clean)
    element.text = _NO_XML.sub("\ufffd", text) or None
    return element


def _urn(name: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, name).urn


def _name(version: Version) -> str:
    """Return the name of the tag, of the list, or of the environment with these addresses."""
    return version.name or EnvironmentId.parse(version.source).name


def _counted(version: Version, change: Difference) -> str:
    if version.previous_version_id is None:
        return f"is recorded for the first time: +{len(change.added)} prefixes"
    if not (change.added or change.removed) and is_list(version.source):
        return f"was verified on {version.change_number}, and has the same prefixes"
    if not (change.added or change.removed):
        return f"has change number {version.change_number}, and the same prefixes"
    return f"changed: +{len(change.added)} -{len(change.removed)} prefixes"


def _content(version: Version, change: Difference) -> str:
    rows = [f"{name}: {escape(text)}" for name, text in _facts(version).items() if text]
    lists = (("Added", change.added), ("Removed", change.removed))
    shown = [_list(title, prefixes) for title, prefixes in lists if prefixes]
    return "".join([f"<p>{'<br>'.join(rows)}</p>", *shown])


def _facts(version: Version) -> dict[str, str | None]:
    of_list = is_list(version.source)
    return {
        "Version": version.version_id,
        "Previous version": version.previous_version_id or "none",
        "Verified" if of_list else "Change number": version.change_number,
        "Source" if of_list else "Locations": ", ".join(version.locations),
        "API lacks": version.api_lacks,
    }


def _list(title: str, prefixes: tuple[str, ...]) -> str:
    more = len(prefixes) - MOST_PREFIXES
    lines = [escape(prefix) for prefix in prefixes[:MOST_PREFIXES]]
    lines += [f"and {more} more"] if more > 0 else []
    items = "".join(f"<li>{line}</li>" for line in lines)
    return f"<p>{title}: {len(prefixes)}</p><ul>{items}</ul>"
