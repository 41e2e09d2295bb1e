"""Azure's recorded answers, which stand beside the checkout and not in it."""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

BESIDE = Path(__file__).parents[3] / "shared"
RECORDINGS = BESIDE / "azure" / "recordings"
needs_recordings = pytest.mark.skipif(
    not RECORDINGS.exists() and not os.environ.get("CI"),
    reason=f"the recordings of Azure's answers are not in {RECORDINGS}",
)


def published_prefixes() -> Iterator[str]:
    """Yield every prefix of every service tag in the weekly files that are kept."""
    for path in sorted((BESIDE / "data" / "service-tags" / "documents").iterdir()):
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for value in json.loads(text)["values"]:
            yield from value["properties"]["addressPrefixes"]
