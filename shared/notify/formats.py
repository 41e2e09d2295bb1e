"""Notices in the formats of their receivers, each of 10 kB at most.

A phone shows one text alone. Slack takes it from `text`, and its desktop app from the first blocks
("Desktop notifications now pull text from blocks first", 2026). Teams takes it from `summary`, if
the flow behind the webhook hands it on (MicrosoftDocs/msteams-docs#11730).

Other sources: "Format cards in Microsoft Teams" and the Adaptive Cards schema 1.4; Slack's
"Incoming webhooks" and "Block Kit" (a header is 150 characters at most, a section 3,000).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import batched, islice

from ..domain.people.notices import Item, Notice, short_name
from ..domain.times import utc_minute, utc_text

MAX_BYTES = 10_000
_PRODUCT = "ASE Route Sync"
_MARKDOWN = re.compile(r"([\\`*_\[\]()#~|>])")


@dataclass(frozen=True, slots=True)
class Sender:
    """The app that sends a notice: its name and its cloud, and the address that people know."""

    name: str | None
    cloud: str
    address: str | None

    def title_of(self, notice: Notice) -> str:
        own = ", ".join(filter(None, (self.name, self.cloud)))
        return f"{_PRODUCT} ({own}): {notice.title}"

    def summary_of(self, notice: Notice) -> str:
        return f"{self.title_of(notice)}. {notice.summary}"

    def link_to(self, notice: Notice) -> str | None:
        return f"{self.address}/api/{notice.path}" if self.address else None


type Body = dict[str, object]
type _Render = Callable[[Notice, Sender, int], Body]
"""Render the notice. The number says how many items were left out."""


def render(notice: Notice, name: str, sender: Sender) -> bytes:
    """Return the notice in the format `name`.

    If the body is too large, its last items are left out and counted. If even that is not enough,
    the steps and the facts are left out.
    """
    encoded = b""
    for smaller, left_out in _smaller(notice):
        body = FORMATS[name](smaller, sender, left_out)
        # Half a letter is JSON only as an escape sequence.
        encoded = json.dumps(body, ensure_ascii=False).encode(errors="backslashreplace")
        if len(encoded) <= MAX_BYTES:
            break
    return encoded


def _smaller(notice: Notice) -> Iterator[tuple[Notice, int]]:
    """Yield the notice with ever less in it, and the number of items that it lacks."""
    number = len(notice.items)
    shown = number
    while shown:
        yield replace(notice, items=notice.items[:shown]), number - shown
        shown = shown * 4 // 5

    bare = replace(notice, items=())
    yield bare, number
    yield replace(bare, steps=()), number
    yield replace(bare, steps=(), facts={}), number


def _as_json(notice: Notice, sender: Sender, left_out: int) -> Body:
    steps = [
        {"meaning": step.meaning, "remedy": step.remedy, "command": step.command}
        for step in notice.steps
    ]

    return {
        "kind": notice.kind.value,
        "runId": notice.notice_id,
        "app": sender.name,
        "cloud": sender.cloud,
        "title": sender.title_of(notice),
        "summary": sender.summary_of(notice),
        "at": utc_text(notice.at),
        "facts": dict(notice.facts),
        "items": [_item_json(item) for item in notice.items],
        "itemsLeftOut": left_out,
        "nextSteps": steps,
        "link": sender.link_to(notice),
    }


def _item_json(item: Item) -> Body:
    return {
        "state": item.state,
        "routeTableId": None if item.route_table_id is None else str(item.route_table_id),
        "since": None if item.since is None else utc_text(item.since),
        "code": None if item.code is None else item.code.name,
        "text": item.text,
    }


def _as_teams(notice: Notice, sender: Sender, left_out: int) -> Body:
    """Return a message with one Adaptive Card, which the Workflows webhook expects."""
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": _adaptive_card(notice, sender, left_out),
    }
    summary = sender.summary_of(notice)
    return {"type": "message", "summary": summary, "attachments": [attachment]}


def _adaptive_card(notice: Notice, sender: Sender, left_out: int) -> Body:
    card: Body = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": list(_card_blocks(notice, sender, left_out)),
    }

    link = sender.link_to(notice)
    if link is not None:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open", "url": link}]
    return card


def _card_blocks(notice: Notice, sender: Sender, left_out: int) -> Iterator[Body]:
    yield _text_block(sender.title_of(notice), size="Medium", weight="Bolder")
    yield _text_block(notice.summary)
    yield from (_text_block(remedy) for remedy in _remedies(notice))
    yield from (_text_block(command, fontType="Monospace") for command in _commands(notice))
    yield _fact_set(_facts(notice))
    yield from (_text_block(line) for line in _lines(notice.items, left_out))


def _as_slack(notice: Notice, sender: Sender, left_out: int) -> Body:
    title = {"type": "plain_text", "text": sender.title_of(notice)[:150]}
    header = {"type": "header", "text": title}
    texts = [text for text in _sections(notice, sender, left_out) if text]
    return {"text": _mrkdwn(sender.summary_of(notice)), "blocks": [header, *map(_section, texts)]}


def _sections(notice: Notice, sender: Sender, left_out: int) -> Iterator[str]:
    yield "\n".join(map(_mrkdwn, (notice.summary, *_remedies(notice))))
    yield "\n".join(f"`{_mrkdwn(command)}`" for command in _commands(notice))
    facts = _facts(notice).items()
    yield "\n".join(f"*{_mrkdwn(name)}:* {_mrkdwn(value)}" for name, value in facts)

    # A section holds only a few lines, and a message holds 50 blocks.
    lines = [f"• {_mrkdwn(line)}" for line in _lines(notice.items, left_out)]
    yield from ("\n".join(some) for some in islice(batched(lines, 3, strict=False), 40))
    if link := sender.link_to(notice):
        yield f"<{link}|Open>"


FORMATS: Mapping[str, _Render] = {"json": _as_json, "teams": _as_teams, "slack": _as_slack}


def _facts(notice: Notice) -> dict[str, str]:
    return {**notice.facts, "Id": notice.notice_id}


def _remedies(notice: Notice) -> list[str]:
    """Return what the summary does not say already."""
    remedies = dict.fromkeys(step.remedy for step in notice.steps)
    return [remedy for remedy in remedies if remedy not in notice.summary]


def _commands(notice: Notice) -> list[str]:
    return [step.command for step in notice.steps if step.command is not None]


def _lines(items: Sequence[Item], left_out: int) -> list[str]:
    more = [f"and {left_out} more"] if left_out else []
    return [_line(item) for item in items] + more


def _line(item: Item) -> str:
    line = item.state
    if item.route_table_id:
        line = f"{line} {short_name(item.route_table_id)}"
    if item.since:
        line = f"{line} since {utc_minute(item.since)}"
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
