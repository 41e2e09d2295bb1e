"""Pages for people: what they show, and how. No script, nothing from anywhere else."""

import base64
import functools
import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from .. import __version__
from .codes import anchor_of
from .times import ago, moment

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent


def render_page(
    template: str, *, front: str | None, key: str | None, now: datetime, **context: Any
) -> str:
    """Return HTML. Its links lead below `front`, if there is one.

    `key` is what the page was asked for with in its URL, and its links repeat it.
    """
    dashboard = f"{front}/api/dashboard" if front else ""
    with_key = {"code": key} if key else {}

    def link(asked: Mapping[str, object] | None = None, **more: object) -> str:
        return f"{dashboard}?" + urlencode({**(asked or {}), **more, **with_key})

    times = {"now": now, "ago": lambda at: ago(now - at)}
    return (
        _templates().get_template(f"{template}.html").render(link=link, key=key, **times, **context)
    )


def headers() -> Mapping[str, str]:
    """The page's own style and nothing else: no script or frame, and no key in a referrer.

    Its one form goes back to where the page came from.
    """
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    )
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


@functools.cache
def _style() -> str:
    return (_FOLDER / "style.css").read_text().strip()


_GLOBALS: Mapping[str, Any] = {
    "moment": moment,
    "anchor_of": anchor_of,
    "style": _style(),
    "code_version": __version__,
    # If the settings are wrong, nothing is known of the app.
    "place": {},
    "paused": False,
}


@functools.cache
def _templates() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= _GLOBALS
    return environment
