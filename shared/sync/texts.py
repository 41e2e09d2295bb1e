"""How long the texts of a request may be, and which characters some of them may have."""

import re
from collections.abc import Iterator, Mapping

from ..domain.errors import Fault

MAX_REASON = 1000
MAX_NOTE = 1000
MAX_CHANGE_ID = 200
"""In characters."""

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
