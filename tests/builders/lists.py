"""Lists of one's own, as somebody writes them into CUSTOM_LISTS."""

import json
from typing import Any


def custom_list(*prefixes: object, **more: object) -> dict[str, Any]:
    return {
        "prefixes": list(prefixes),
        "source": "https://example.com/addresses",
        "note": "why",
        "verified": "2026-12-01",
        **more,
    }


def custom_lists(**prefixes: list[str]) -> str:
    """Return the text of these lists: `kms_activation` is `kms-activation`."""
    return json.dumps({k.replace("_", "-"): custom_list(*v) for k, v in prefixes.items()})
