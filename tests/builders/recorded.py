"""Azure's recorded answers, which stand beside the checkout and not in it."""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BESIDE = Path(__file__).parents[3] / "shared"
RECORDINGS = BESIDE / "azure" / "recordings"
DOCUMENTS = BESIDE / "data" / "service-tags" / "documents"
needs_recordings = pytest.mark.skipif(
    not RECORDINGS.exists() and not os.environ.get("CI"),
    reason=f"the recordings of Azure's answers are not in {RECORDINGS}",
)
needs_documents = pytest.mark.skipif(
    not DOCUMENTS.exists() and not os.environ.get("CI"),
    reason=f"the weekly files of service tags are not in {DOCUMENTS}",
)


def published_prefixes() -> Iterator[str]:
    """Yield every prefix of every service tag in the weekly files that are kept."""
    for path in sorted(DOCUMENTS.iterdir()):
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for value in json.loads(text)["values"]:
            yield from value["properties"]["addressPrefixes"]


def weekly_file(name: str) -> dict[str, Any]:
    """Return one of the weekly files, by its name without `.gz`."""
    document: dict[str, Any] = json.loads(gzip.decompress((DOCUMENTS / f"{name}.gz").read_bytes()))
    return document
