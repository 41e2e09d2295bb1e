"""The text of CUSTOM_LISTS -> lists of prefixes that somebody keeps by hand, each with its source.

Format: docs/custom-lists.schema.json. Prefixes are believed as those of a service tag are.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self
from urllib.parse import urlsplit

from .addresses import (
    Source,
    SourceContent,
    canonical,
    fault_in,
    ipv4_of,
    is_list,
)
from .bounds import shortened
from .errors import UnusableList

SETTING = "CUSTOM_LISTS"
MOST_IN_SETTING = 15_000
"""The most characters of a text in the setting: the app also keeps it in one column of a table."""
MOST_CHARACTERS = 1000
"""The most characters of a source or of a note."""

_SCHEMA = "$schema"
"""Editors look for this key. It is no list."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class CustomList:
    """One list: its prefixes in numerical order, and where they are published.

    `verified` is the day on which somebody last compared the prefixes with the `source`.
    """

    name: Source
    prefixes: tuple[str, ...]
    source: str
    note: str
    verified: date

    @classmethod
    def of(cls, name: Source, written: Any) -> Self:
        """Make it of what is written under the name, which has no fault."""
        return cls(
            name=name,
            prefixes=canonical(written["prefixes"]),
            source=written["source"],
            note=written["note"],
            verified=date.fromisoformat(written["verified"]),
        )

    @property
    def content(self) -> SourceContent:
        """The list as a source of addresses: its date is its change number."""
        return SourceContent(self.name, f"{self.verified}", (self.source,), self.prefixes)


def is_url(setting: str) -> bool:
    """Return whether the setting says in which blob the lists are, instead of having them."""
    return setting.lower().startswith(("https:", "http:"))


def kept(setting: str) -> str:
    """Return what the app keeps of the setting.

    The query and the user of a URL may be secrets, and the app reads the blob with a right of its
    own. A text that is too long is cut, and is still too long.
    """
    if is_url(setting):
        return re.sub(r"//[^/]*@", "//", re.split(r"[?#]", setting)[0])
    return setting[: MOST_IN_SETTING + 1]


def lists_in(text: str) -> Mapping[str, object]:
    """Return each list as it is written, by its name. The names may be wrong as well.

    Raise UnusableList if the text is not a JSON object with a list at least.
    """
    document = _json(text)
    if not isinstance(document, dict):
        raise UnusableList(f"{SETTING} is not a JSON object")

    lists = {name: value for name, value in document.items() if name != _SCHEMA}
    if not lists:
        raise UnusableList(f"{SETTING} has no list")
    return lists


def _json(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_without_repetition)
    except ValueError as error:  # of JSON, or of a number that is too long
        raise UnusableList(f"{SETTING} is not JSON: {error}") from None
    except RecursionError:
        raise UnusableList(f"{SETTING} is nested too deeply") from None


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """JSON lets the last of two equal keys win, and the addresses of the other would be lost."""
    known: dict[str, object] = {}
    for key, value in pairs:
        if key in known:
            raise UnusableList(f"{SETTING} has the key {key!r:.80} twice in one object")
        known[key] = value
    return known


def parse_custom_list(
    lists: Mapping[str, object], name: Source, *, min_prefix_length: int
) -> CustomList:
    """Read the list with this name, out of all lists as they are written.

    `min_prefix_length` is in bits: an IPv4 prefix with fewer bits is not believed.
    Raise UnusableList, naming each fault with its place, if the list is missing or wrong.
    """
    if name not in lists:
        known = shortened([f"{known!r:.80}" for known in lists])
        raise UnusableList(f"{name} is not in {SETTING}, which has {known}")

    faults = [*_name_faults(name), *_faults_of(lists[name], min_prefix_length)]
    if faults:
        raise UnusableList(f"{name} in {SETTING} cannot be believed: {shortened(faults)}")
    return CustomList.of(name, lists[name])


def _name_faults(name: str) -> Iterator[str]:
    if not is_list(name):
        yield "its name needs 3 to 63 small letters and digits, with a hyphen between some of them"


def _faults_of(written: object, min_prefix_length: int) -> Iterator[str]:
    if not isinstance(written, Mapping):
        yield "it is not a JSON object"
        return
    yield from _prefix_faults(written.get("prefixes"), min_prefix_length)
    said = {key: fault_of(written.get(key)) for key, fault_of in _FAULT_OF.items()}
    yield from (f"{key}: {fault}" for key, fault in said.items() if fault is not None)
    unknown = written.keys() - {"prefixes", *_FAULT_OF}
    yield from (f"{key!r:.80}: unknown key" for key in sorted(unknown))


def _prefix_faults(listed: object, min_prefix_length: int) -> Iterator[str]:
    if not isinstance(listed, list) or not listed:
        yield "prefixes: names no addresses"
        return
    faults = [fault_in(text, min_prefix_length) for text in listed]
    yield from (f"prefixes.{at}: {fault}" for at, fault in enumerate(faults) if fault is not None)
    if not any(faults) and not ipv4_of(listed):
        yield "prefixes: names no IPv4 prefix"


def _text_fault(text: object) -> str | None:
    if not isinstance(text, str) or not text.strip():
        return "missing, or not a text"
    if len(text) > MOST_CHARACTERS:
        return f"longer than {MOST_CHARACTERS} characters"
    return None


def _source_fault(text: object) -> str | None:
    fault = _text_fault(text)
    if fault is not None:
        return fault
    return None if _is_https(str(text)) else "not an https URL"


def _is_https(text: str) -> bool:
    try:
        url = urlsplit(text)
    except ValueError:
        return False
    return url.scheme == "https" and bool(url.hostname) and text.isprintable() and " " not in text


def _day_fault(text: object) -> str | None:
    return None if isinstance(text, str) and _is_day(text) else "not a day such as 2026-12-01"


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return _DAY.fullmatch(text) is not None  # Python knows other forms of a day as well


_FAULT_OF: Mapping[str, Callable[[object], str | None]] = {
    "source": _source_fault,
    "note": _text_fault,
    "verified": _day_fault,
}
"""The keys of a list besides its prefixes, each with what finds out what is wrong with it."""
