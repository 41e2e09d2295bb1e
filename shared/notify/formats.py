"""Notices in the formats of their receivers, each of 10 kB at most.

Sources: "Format cards in Microsoft Teams" and the Adaptive Cards schema 1.4; Slack's "Incoming
webhooks" and "Block Kit" (a header is 150 characters at most, a section 3,000).
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence

from ..domain.people.notices import Item, Notice, short_name
from ..domain.times import utc_text

MAX_BYTES = 10_000
_PRODUCT = "ASE Route Sync"
_MARKDOWN = re.compile(r"([\\`*_\[\]()#~|>])")

type Body = dict[str, object]
type _Render = Callable[[Notice, Sequence[Item], int, str | None], Body]


def render(notice: Notice, name: str, address: str | None) -> bytes:
    """Return the notice in the format `name`, with links if the app's own `address` is known.

    If the body is too large, its last items are left out and counted.
    """
    render_body = FORMATS[name]
    link = f"{address}/api/{notice.path}" if address and notice.path else None

    shown = len(notice.items)
    while True:
        left_out = len(notice.items) - shown
        body = render_body(notice, notice.items[:shown], left_out, link)
        # Half a letter is JSON only as an escape sequence.
        encoded = json.dumps(body, ensure_ascii=False).encode(errors="backslashreplace")
        if len(encoded) <= MAX_BYTES or shown == 0:
            return encoded

        # Items have about the same size, so this share of them nearly fits.
        shown = shown * MAX_BYTES // (len(encoded) + 1)


def _as_json(notice: Notice, items: Sequence[Item], left_out: int, link: str | None) -> Body:
    return {
        "kind": notice.kind.value,
        "runId": notice.notice_id,
        "title": _title(notice),
        "at": utc_text(notice.at),
        "facts": dict(notice.facts),
        "items": [_item_json(item) for item in items],
        "itemsLeftOut": left_out,
        "link": link,
    }


def _item_json(item: Item) -> Body:
    table = None if item.route_table_id is None else str(item.route_table_id)
    return {"state": item.state, "routeTableId": table, "text": item.text}


def _as_teams(notice: Notice, items: Sequence[Item], left_out: int, link: str | None) -> Body:
    """Return a message with one Adaptive Card, which the Workflows webhook expects."""
    content_type = "application/vnd.microsoft.card.adaptive"
    card = _adaptive_card(notice, _lines(items, left_out), link)
    attachment = {"contentType": content_type, "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _adaptive_card(notice: Notice, lines: Sequence[str], link: str | None) -> Body:
    title = _text_block(_title(notice), size="Medium", weight="Bolder")
    card: Body = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [title, _fact_set(_facts(notice)), *(_text_block(line) for line in lines)],
    }
    if link is not None:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Report", "url": link}]
    return card


def _as_slack(notice: Notice, items: Sequence[Item], left_out: int, link: str | None) -> Body:
    title = _title(notice)
    facts = [f"*{_mrkdwn(name)}:* {_mrkdwn(value)}" for name, value in _facts(notice).items()]
    lines = [f"• {_mrkdwn(line)}" for line in _lines(items, left_out)]

    # A section holds only a few lines, and a message holds 50 blocks.
    groups = ["\n".join(lines[at : at + 3]) for at in range(0, len(lines), 3)]
    sections = ["\n".join(facts), *groups[:40]]
    if link is not None:
        sections.append(f"<{link}|Report>")

    header: Body = {"type": "header", "text": {"type": "plain_text", "text": title[:150]}}
    blocks = [header, *(_section(text) for text in sections)]
    return {"text": _mrkdwn(title), "blocks": blocks}


FORMATS: Mapping[str, _Render] = {"json": _as_json, "teams": _as_teams, "slack": _as_slack}


def _title(notice: Notice) -> str:
    return f"{_PRODUCT}: {notice.title}"


def _facts(notice: Notice) -> dict[str, str]:
    return {**notice.facts, "Id": notice.notice_id}


def _lines(items: Sequence[Item], left_out: int) -> list[str]:
    more = [f"and {left_out} more: see the report"] if left_out else []
    return [_line(item) for item in items] + more


def _line(item: Item) -> str:
    line = item.state
    if item.route_table_id:
        line = f"{line} {short_name(item.route_table_id)}"
    return f"{line}: {item.text}" if item.text else line


def _text_block(text: str, **style: str) -> Body:
    return {"type": "TextBlock", "text": _plain(text), "wrap": True, **style}


def _fact_set(facts: Mapping[str, str]) -> Body:
    rows = [{"title": name, "value": _plain(value)} for name, value in facts.items()]
    return {"type": "FactSet", "facts": rows}


def _section(text: str) -> Body:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:3000]}}


def _plain(text: str) -> str:
    """Escape Markdown, which Teams would render in names and messages of others."""
    return _MARKDOWN.sub(r"\\\1", text)


def _mrkdwn(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
