"""Bounds of a request: of its texts and lists, and the characters that some texts may have."""

import re
from collections.abc import Iterator, Mapping, Sized

from ..domain.errors import Fault

MAX_REASON = 1000
MAX_NOTE = 1000
MAX_CHANGE_ID = 200
MAX_EXCEPTION_REASON = 200
"""In characters. A row of storage holds 1,000 exceptions with the longest reasons."""

MAX_TAGS = 50
MAX_EXCEPTIONS = 1000
MAX_NAMED = 10_000
"""The route tables, and the environments, that one request names."""
MAX_SUBSCRIPTIONS = 1000
MAX_FORCED = 10

OWNER = r"^[a-z0-9]{1,20}$"
"""The stamp in the names of an owner's routes."""

# Source: "Use tags to organize your Azure resources", limitations.
MAX_AZURE_TAGS = 50
AZURE_TAG_NAME = r"^[^<>%&\\?/\x00-\x1f]{1,512}$"
MAX_AZURE_TAG_VALUE = 256


def text_faults(target: str, text: str | None, most: int) -> Iterator[Fault]:
    """None is a text that was not given."""
    if text is not None and not 1 <= len(text) <= most:
        yield Fault(target, f"a text of 1 to {most} characters")


def list_faults(target: str, values: Sized, most: int) -> Iterator[Fault]:
    if len(values) > most:
        yield Fault(target, f"{most:,} at most, and these are {len(values):,}")


def owner_faults(target: str, owner: str | None) -> Iterator[Fault]:
    if owner is not None and not re.fullmatch(OWNER, owner):
        yield Fault(target, "an owner is 1 to 20 lower-case letters and digits")


def azure_tag_faults(tags: Mapping[str, str]) -> Iterator[Fault]:
    if len(tags) > MAX_AZURE_TAGS:
        yield Fault("tags", f"a resource can have {MAX_AZURE_TAGS} tags at most")
    for name, value in tags.items():
        if not re.fullmatch(AZURE_TAG_NAME, name):
            yield Fault(f"tags.{name}", r"a tag's name is 1 to 512 characters without <>%&\?/")
        if len(value) > MAX_AZURE_TAG_VALUE:
            yield Fault(
                f"tags.{name}", f"a tag's value has {MAX_AZURE_TAG_VALUE} characters at most"
            )
