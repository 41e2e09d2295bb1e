"""A run report as text that a person reads at a glance."""

from collections.abc import Iterator, Mapping
from typing import Any

from .domain.codes import Grade, lookup


def needs_nobody(code: str) -> bool:
    """Say whether a finding with this code only informs, so that no person has to act."""
    return lookup(code).grade is Grade.INFO


_MOST_PREFIXES_SHOWN = 6
"""For one table and kind of change. If there are more, they are only counted here."""


def render(report: Mapping[str, Any]) -> str:
    """Show the changes, the notes for a person, and the sum. `report` is the JSON."""
    lines = [
        f"Run {report['runId']} ({report['trigger']}, {report['mode']}): {report['status']}",
        *(version_line(version) for version in report["versions"]),
    ]
    if report["error"]:
        lines.append(f"  ERROR {report['error']['code']}: {report['error']['message']}")
    for outcome in report["outcomes"]:
        lines += _outcome_lines(outcome)
    counted = [f"{number} {status}" for status, number in report["counts"].items() if number]
    lines.append("Tables: " + (", ".join(counted) or "none registered"))
    return "\n".join(lines)


def version_line(version: Mapping[str, Any]) -> str:
    """Name the version that a run worked from, and count what it added and removed."""
    line = f"  {version['versionId'].rpartition('-')[0].partition('.')[2]}"
    if version["changeNumber"]:
        line += f": change number {version['changeNumber']}"
    if version["added"] or version["removed"]:
        line += f", +{len(version['added'])} -{len(version['removed'])} prefixes since the last"
    return f"{line} (version {version['versionId']})"


_SIGNS = (("+", "added"), ("~", "updated"), ("-", "removed"))


def _outcome_lines(outcome: Mapping[str, Any]) -> list[str]:
    return [
        _head_line(outcome),
        *(
            f"      {sign} {', '.join(outcome[kind])}"
            for sign, kind in _SIGNS
            if 0 < len(outcome[kind]) <= _MOST_PREFIXES_SHOWN
        ),
        *(f"      {'!' if needs else '·'} {text}" for needs, text in notes_of(outcome)),
    ]


def _head_line(outcome: Mapping[str, Any]) -> str:
    _, _, subscription, _, group, *_, name = outcome["routeTableId"].split("/")
    changes = " ".join(f"{sign}{len(outcome[kind])}" for sign, kind in _SIGNS if outcome[kind])
    line = f"  {outcome['status']:<9} {changes:<10} {name} in {group} ({subscription})"

    kinds = [kind for kind in ("covered", "retained", "withheld") if outcome[kind]]
    notes = ", ".join(f"{len(outcome[kind])} {kind}" for kind in kinds)
    return f"{line}: {notes}" if notes else line


def notes_of(outcome: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    """Yield each note about a table, after whether it needs a person."""
    for conflict in outcome["conflicts"]:
        yield conflict["accepted"] is None, _conflict_text(conflict)
    for fault in (*outcome["violations"], *outcome["findings"]):
        yield not needs_nobody(fault["code"]), f"{fault['code']}: {fault['message']}"
    if outcome["error"]:
        yield True, f"{outcome['error']['code']}: {outcome['error']['message']}"


def _conflict_text(conflict: Mapping[str, Any]) -> str:
    said = (
        f"{conflict['prefix']}: route {conflict['routeName']} sends it to {conflict['nextHopType']}"
    )
    return f"{said}, as accepted: {conflict['accepted']}" if conflict["accepted"] else said
