"""The tables and pictures of the pages, from results.json."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import cost_page, scale_page
from .markdown import fill
from .procedure_table import procedure_today

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("results.json")
PICTURES: Mapping[str, str] = {"side-by-side.svg": "sideBySide", "growth.svg": "growth"}
"""Each picture of docs/scale.md shows one section of the results."""

type Results = Mapping[str, Any]
type Blocks = Callable[[Results], Mapping[str, str]]


def write(results: Results) -> None:
    """Write the tables and pictures of the pages."""
    from . import pictures  # its library takes a second to import

    for page, blocks in PAGES.items():
        page.write_text(fill(page.read_text(), blocks(results)))
    for name, section in PICTURES.items():
        figure = pictures.DRAWN[section](results[section])
        pictures.save(figure, scale_page.PAGE.parent / name, source=fingerprint(results))


def fingerprint(results: Results) -> str:
    """Return the SHA-256 (hex) by which a picture names its results."""
    return hashlib.sha256(json.dumps(results, sort_keys=True).encode()).hexdigest()


def _readme(results: Results) -> dict[str, str]:
    return {"procedure": procedure_today(results["procedure"])}


PAGES: Mapping[Path, Blocks] = {
    ROOT / "README.md": _readme,
    scale_page.PAGE: scale_page.blocks,
    cost_page.PAGE: cost_page.blocks,
}
"""Each page, with the blocks that are made from the results."""
