"""The weekly file of service tags, a second source that can add addresses and never removes one.

Format: "Azure IP Ranges and Service Tags" of the Microsoft Download Center, one file for each
cloud, which is the answer of the Service Tag Discovery API in other words. The file says nothing
about its day, which is in its name: `ServiceTags_Public_20251103.json`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from . import codes
from .addresses import Publication
from .errors import UnusableWeeklyFile

CLOUD_NAMES: Mapping[str, str] = {
    "AzureCloud": "Public",
    "AzureUSGovernment": "AzureGovernment",
    "AzureChinaCloud": "China",
}
"""The cloud of each `AZURE_CLOUD`, as the weekly files name it."""
BELIEVED_FOR = timedelta(days=35)
"""Five publications: a file that is older adds nothing."""
_AHEAD = timedelta(days=7)
"""A file may carry the day of the coming Monday. A later day would make each true file look old."""
_DAY_IN_NAME = re.compile(r"(?<!\d)(\d{8})\.json", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WeeklyFile:
    """A file whose form is right. `name` is for messages, and `document` is the JSON in it."""

    name: str
    publication: Publication
    document: Mapping[str, object]


def parse_weekly_file(
    content: bytes, *, name: str, modified_at: datetime | None, cloud: str
) -> WeeklyFile:
    """Read a weekly file of this `AZURE_CLOUD`.

    Its day is the one in its name, or else the day of its last change, in UTC. Raise
    UnusableWeeklyFile if it is no weekly file, one of another cloud, empty, or without a day.
    """
    document = _document(content, name)
    of_cloud = document.get("cloud")
    if of_cloud != CLOUD_NAMES[cloud]:
        raise UnusableWeeklyFile(f"{name} is of the cloud {of_cloud!r:.40}, and not of {cloud}")
    if not isinstance(document.get("values"), list) or not document["values"]:
        raise UnusableWeeklyFile(f"{name} has no service tags")

    published_on = day_in_name(name) or (modified_at and modified_at.astimezone(UTC).date())
    if published_on is None:
        raise UnusableWeeklyFile(f"neither the name of {name} nor its server says its day")
    number = str(document.get("changeNumber", ""))
    return WeeklyFile(name, Publication(published_on, number), document)


def day_in_name(name: str) -> date | None:
    """Return the day in a file's name, if there is one."""
    found = _DAY_IN_NAME.search(name)
    try:
        return None if found is None else date.fromisoformat(found[1])
    except ValueError:
        return None


def check_day(file: WeeklyFile, last: Publication | None, today: date) -> None:
    """Raise UnusableWeeklyFile if the file is too old, too new, or older than the last one."""
    published_on = file.publication.published_on
    if is_stale(file.publication, today):
        said = f"{file.name} is of {published_on}, {(today - published_on).days} days ago"
        raise UnusableWeeklyFile(said, codes.WEEKLY_FILE_STALE)
    if published_on - today > _AHEAD:
        raise UnusableWeeklyFile(f"{file.name} is of {published_on}, which is yet to come")
    if last is not None and published_on < last.published_on:
        raise UnusableWeeklyFile(f"{file.name} is older than {last}, which was read before")


def is_stale(publication: Publication, today: date) -> bool:
    return today - publication.published_on > BELIEVED_FOR


def _document(content: bytes, name: str) -> Mapping[str, object]:
    if not content.strip():
        raise UnusableWeeklyFile(f"{name} is empty")
    if is_html(content):
        raise UnusableWeeklyFile(f"{name} is an HTML page and no JSON")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnusableWeeklyFile(f"{name} is no JSON, or not all of it: {error}") from None
    if not isinstance(document, Mapping):
        raise UnusableWeeklyFile(f"{name} is not a JSON object")
    return document


def is_html(content: bytes) -> bool:
    """Return whether this is a page: JSON never begins with such a character."""
    return content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"
