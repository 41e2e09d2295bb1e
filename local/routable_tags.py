"""shared/domain/routing/published_tags.py, from Microsoft's weekly files: `make routable-tags`.

The newest file of each cloud counts. CONTRIBUTING.md says where to download them. They stand in one
folder, under their own names, with or without gzip.
"""

import gzip
import json
import re
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.domain.routing.publication import ITSELF, REGIONS, WITHOUT

ROOT = Path(__file__).parents[1]
MODULE = ROOT / "shared" / "domain" / "routing" / "published_tags.py"
DOCUMENTS = ROOT.parent / "shared" / "data" / "service-tags" / "documents"
"""The folder of the files, if none is given."""
CLOUDS = {
    "Public": "AzureCloud",
    "AzureGovernment": "AzureUSGovernment",
    "China": "AzureChinaCloud",
}

_NAME = re.compile(r"(ServiceTags_\w+_(\d{4})(\d{2})(\d{2})\.json)(\.gz)?")
_WIDTH = 100
_HEAD = '''"""The tags of Microsoft's weekly files, made by `make routable-tags`: do not edit.

{files}
"""

from collections.abc import Mapping

from .publication import Publication

PUBLISHED: Mapping[str, Publication] = {{
'''
_ENTRY = '''\
    "{cloud}": Publication(
        published="{published}",
        change_number={change_number},
        regions="""\\
{regions}""",
        routable="""\\
{routable}""",
        others="""\\
{others}""",
    ),
'''

type Endings = Mapping[str, frozenset[str]]
"""The endings of each tag in lower case, by the tag's name; the tag itself has an empty one."""


@dataclass(frozen=True, slots=True)
class Document:
    """One weekly file. `published` is the day in its name, which the file itself lacks."""

    name: str
    published: str
    content: Mapping[str, Any]

    @property
    def cloud(self) -> str | None:
        """The cloud as `AZURE_CLOUD` names it; None for one that has been closed."""
        return CLOUDS.get(self.content["cloud"])

    @property
    def spelled(self) -> Mapping[str, str]:
        """Return the usual spelling of each ending, by the ending in lower case."""
        endings = (value["name"].partition(".")[2] for value in self.content["values"])
        rarest_first = reversed(Counter(endings).most_common())
        return {ending.lower(): ending for ending, _ in rarest_first}

    def endings(self, *, routable: bool) -> Endings:
        """Return the tags that a route may have as its prefix, or all others."""
        found: dict[str, set[str]] = {}
        for value in self.content["values"]:
            if is_routable(value) is routable:
                name, _, ending = value["name"].partition(".")
                found.setdefault(name, set()).add(ending.lower())
        return {name: frozenset(found[name]) for name in sorted(found)}


def is_routable(value: Mapping[str, Any]) -> bool:
    """Return whether the file says that a route may have this tag as its prefix."""
    return "UDR" in (value["properties"]["networkFeatures"] or ())


def newest(folder: Path) -> Mapping[str, Document]:
    """Return the newest file of each cloud. Raise ValueError if a cloud has none."""
    documents = (document for path in folder.iterdir() for document in _read(path))
    by_day = sorted(documents, key=lambda document: document.published)
    found = {document.cloud: document for document in by_day if document.cloud}

    missing = set(CLOUDS.values()) - found.keys()
    if missing:
        raise ValueError(f"no weekly file of {', '.join(sorted(missing))} is in {folder}")
    return {cloud: found[cloud] for cloud in CLOUDS.values()}


def text(folder: Path = DOCUMENTS) -> str:
    """Return the module for the newest files of this folder."""
    documents = newest(folder)
    files = "\n".join(f"- {document.name}" for document in documents.values())
    entries = (_entry(cloud, document) for cloud, document in documents.items())
    return _HEAD.format(files=files) + "".join(entries) + "}\n"


def _read(path: Path) -> Iterator[Document]:
    """Yield the file, if it is a weekly one by its name."""
    named = _NAME.fullmatch(path.name)
    if named is not None:
        raw = path.read_bytes()
        content = json.loads(gzip.decompress(raw) if named[5] else raw)
        yield Document(named[1], f"{named[2]}-{named[3]}-{named[4]}", content)


def _entry(cloud: str, document: Document) -> str:
    routable, others = (document.endings(routable=which) for which in (True, False))
    regions = _usual([*routable.values(), *others.values()])

    return _ENTRY.format(
        cloud=cloud,
        published=document.published,
        change_number=document.content["changeNumber"],
        regions=_wrapped([document.spelled[region] for region in sorted(regions)]),
        routable=_block(routable, regions),
        others=_block(others, regions),
    )


def _usual(sets: Sequence[frozenset[str]]) -> frozenset[str]:
    """Return the regions that the most tags have together."""
    counted = Counter(found - {""} for found in sets if found - {""})
    return max(counted, key=lambda some: (counted[some], sorted(some)), default=frozenset())


def _block(tags: Endings, regions: frozenset[str]) -> str:
    lines = ([name, *_words(endings, regions)] for name, endings in tags.items())
    return "\n".join(_wrapped(line) for line in lines)


def _words(endings: frozenset[str], regions: frozenset[str]) -> Iterator[str]:
    """Yield the endings one by one, or by their difference from the usual regions."""
    if "" in endings:
        yield ITSELF
    listed = sorted(endings - {""})
    missing, more = sorted(regions - endings), sorted(endings - regions - {""})
    differing = [REGIONS, *(WITHOUT + region for region in missing), *more]
    yield from differing if len(differing) < len(listed) else listed


def _wrapped(words: Sequence[str]) -> str:
    return textwrap.fill(" ".join(words), _WIDTH, subsequent_indent=" ", break_on_hyphens=False)


if __name__ == "__main__":
    MODULE.write_text(text(Path(sys.argv[1]) if sys.argv[1:] else DOCUMENTS))
