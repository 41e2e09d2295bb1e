"""The texts that an output binding sends to its queue.

Source: ReadAsEnumerable and BindAsyncCollectorAsync in FunctionBinding.cs of
Azure/azure-functions-host, and the defaults of Newtonsoft.Json.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from azure_functions_runtime.bindings.datumdef import Datum

_DATE_WITH_OFFSET = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,7})?([+-]\d\d:\d\d)")


def texts_of(value: Datum) -> Sequence[str]:
    """Return the messages of one output. Raise ValueError if a text only looks like JSON.

    `Out[List[str]]` arrives as a JSON array, whose items stay as they are. `Out[str]` arrives as a
    text. If it looks like JSON, it is parsed, and each item of an array is a message.
    """
    if value.type != "string":
        items: list[str] = json.loads(value.value)
        return items

    text = value.value.strip()
    if (text[:1], text[-1:]) not in {("{", "}"), ("[", "]")}:
        return [value.value]
    parsed = json.loads(text)
    return [_written(item) for item in (parsed if isinstance(parsed, list) else [parsed])]


def _written(item: Any) -> str:
    if isinstance(item, str):
        return item
    return json.dumps(_with_dates_in_utc(item), indent=2, ensure_ascii=False)


def _with_dates_in_utc(item: Any) -> Any:
    if isinstance(item, Mapping):
        return {key: _with_dates_in_utc(value) for key, value in item.items()}
    if isinstance(item, list):
        return [_with_dates_in_utc(value) for value in item]
    return _in_utc(item) if isinstance(item, str) else item


def _in_utc(text: str) -> str:
    """Return a date with its offset as the same moment in UTC, and another text as it is."""
    found = _DATE_WITH_OFFSET.fullmatch(text)
    if found is None:
        return text
    day, fraction, offset = found.groups()
    moved = datetime.fromisoformat(day + offset).astimezone(UTC)
    return f"{moved:%Y-%m-%dT%H:%M:%S}{fraction or ''}+00:00"
