"""docs/tables.schema.json, from the models that read the file of registrations: `make schema`."""

import json
from pathlib import Path
from typing import Any

from shared.cli.registrations_file import SCHEMA, TablesFile

FILE = Path(__file__).parents[1] / SCHEMA

_DIALECT = "http://json-schema.org/draft-07/schema#"
"""Editors know this one. Source: the README of redhat-developer/yaml-language-server."""


def text() -> str:
    schema = {"$schema": _DIALECT, **TablesFile.model_json_schema()}
    return json.dumps(_without_titles(schema), indent=2) + "\n"


def _without_titles(node: Any) -> Any:
    """A title only repeats the name of its key, in other letters."""
    match node:
        case dict():
            named = node.items()
            return {key: _without_titles(part) for key, part in named if key != "title"}
        case list():
            return [_without_titles(part) for part in node]
        case _:
            return node


if __name__ == "__main__":
    FILE.write_text(text())
