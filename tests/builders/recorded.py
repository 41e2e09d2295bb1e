"""Azure's recorded answers, which stand beside the checkout and not in it."""

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).parents[3] / "shared"
RECORDINGS = BESIDE / "azure" / "recordings"
needs_recordings = pytest.mark.skipif(
    not RECORDINGS.exists() and not os.environ.get("CI"),
    reason=f"the recordings of Azure's answers are not in {RECORDINGS}",
)
