"""Show the answers to people, as text, tables and colours."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..domain.codes import lookup
from ..render import needs_nobody, notes_of, version_line
from .checks import Diagnosis, Grade
from .errors import Refused

_KINDS = (("added", "+", "green"), ("updated", "~", "yellow"), ("removed", "-", "red"))
_COLOURS = {
    "Succeeded": "green",
    "unchanged": "dim",
    "changed": "green",
    "planned": "yellow",
    "Running": "yellow",
    "conflict": "red",
    "blocked": "red",
    "failed": "red",
    "Failed": "red",
}
_GRADES = {Grade.OK: ("✓", "green"), Grade.WARNING: ("!", "yellow"), Grade.FAULT: ("✗", "red")}
_NONE = "-"
_WILL, _DID = ("to add", "to change", "to remove"), ("added", "changed", "removed")


def report(found: Mapping[str, Any]) -> RenderableType:
    """Show the changes that are planned or made, then the notes for a person, then the sum."""
    lines: list[RenderableType] = [_run_line(found), *_version_lines(found)]
    for alike in _alike(found["outcomes"]):
        lines += [Text(), *_difference(alike, planned=found["mode"] == "plan")]
    notes = _notes_of_all(found["outcomes"])
    lines += [Text(), *notes] if notes else []

    if found["error"]:
        lines += [Text(), error(Refused(lookup(found["error"]["code"]), found["error"]["message"]))]
    return Group(*lines, Text(), *_sum(found))


def _version_lines(found: Mapping[str, Any]) -> list[Text]:
    """An environment's own addresses are worth a line only if they have changed."""
    return [
        Text(version_line(version), style="dim")
        for version in found["versions"]
        if version["serviceTag"] or version["added"] or version["removed"]
    ]


def outcome(found: Mapping[str, Any]) -> RenderableType:
    """Show the changes that a run made to one table."""
    return Group(*_difference([found], planned=False), *_notes_of_all([found]))


def counted(found: Mapping[str, Any]) -> dict[str, int]:
    """Count the routes that are added, changed and removed in all tables together."""
    return {kind: sum(len(o[kind]) for o in found["outcomes"]) for kind, _, _ in _KINDS}


def progress_line(done: Mapping[str, Any]) -> Text:
    changes = " ".join(f"{sign}{len(done[kind])}" for kind, sign, _ in _KINDS if done[kind])
    return Text.assemble(_coloured(f"{done['status']:<10}"), f"{changes:<12}", _place(done))


def error(refused: Refused) -> Text:
    said = Text.assemble(
        ("Error ", "bold red"), (refused.code.name, "bold"), f": {refused.message}"
    )
    for detail in refused.details:
        said.append(f"\n  {detail['target']}: {detail['message']}")
    if not refused.code.azure:  # what to do about Azure's own is in the message
        said.append(f"\n{refused.code.remedy}", style="dim")
    return said


def diagnosis(found: Diagnosis) -> RenderableType:
    sign, colour = _GRADES[found.grade]
    head = Text.assemble((f"{sign} ", colour), (f"{found.subject}: ", "bold"), found.said)
    if found.remedy is not None:
        head.append(f"\n    → {found.remedy}", style="yellow")
    return head


def registrations(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    if not found:
        return Text(
            "No route table is registered. Find them with ase-route-sync discover --register."
        )
    table = _table("route table", "resource group", "environment", "wanted", "found right", "last")
    for one in found:
        last = one["lastOutcome"]
        status = last["status"] if last else _NONE
        table.add_row(
            _last_name(one["routeTableId"]),
            _group_of(one["routeTableId"]),
            _last_name(one["aseId"]),
            _wanted(one),
            _moment(one["verifiedAt"]),
            _coloured(status) if one["enabled"] else Text("disabled", style="dim"),
        )
    return table


def registration(one: Mapping[str, Any]) -> RenderableType:
    exceptions = [
        ("Exception", f"{each['prefix']} until {each['until']}: {each['reason']}")
        for each in one["exceptions"]
    ]

    rows = [
        ("Route table", one["routeTableId"]),
        ("Environment", one["aseId"] or _NONE),
        ("Wanted", _wanted(one)),
        ("Policy", one["applyPolicy"] or "the app's"),
        ("Held", ", ".join(hold["prefix"] for hold in one["held"]) or "nothing"),
        ("Contested", _moment(one["contested"]["since"]) if one["contested"] else "no"),
        *exceptions,
        ("Note", one["note"] or _NONE),
        ("Enabled", "yes" if one["enabled"] else "no"),
    ]
    return _pairs(rows)


def removed(route_table: str, report_of_removal: Mapping[str, Any] | None) -> RenderableType:
    said = Text(f"Unregistered {route_table}")
    if report_of_removal is None:
        return said.append("; its routes stay.")
    return Group(report(report_of_removal), said)


def discovered(found: Mapping[str, Any]) -> RenderableType:
    environments = _table(
        "environment", "location", "kind", "route table", "registered", "subscription"
    )
    for one in found["value"]:
        environments.add_row(
            _last_name(one["aseId"]),
            one["location"] or _NONE,
            one["kind"] or _NONE,
            _last_name(one["routeTableId"]),
            "yes" if one["registered"] else Text("no", style="yellow"),
            one["aseId"].split("/")[2],
        )

    lines: list[RenderableType] = [environments]
    for one in found["value"]:
        if one["faults"]:
            lines.append(Text(f"\n{_last_name(one['aseId'])}", style="bold"))
            lines += [_fault(fault) for fault in one["faults"]]
    if found["routeTables"]:
        lines += [Text(), _stamped(found["routeTables"])]
    lines += [Text(f"\n{e['subscriptionId']}\n").append(_fault(e)) for e in found["errors"]]
    return Group(*lines)


def _stamped(found: Iterable[Mapping[str, Any]]) -> Table:
    """Show the route tables that were found by the owner's stamp."""
    table = _table("route table with the stamp", "our routes", "environment", "registered")
    for one in found:
        table.add_row(
            _last_name(one["routeTableId"]),
            str(one["ownedRoutes"]),
            _last_name(one["aseId"]),
            "yes" if one["registered"] else "no",
        )
    return table


def versions(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = _table("version", "change number", "recorded", "prefixes", "added", "removed")
    for one in found:
        table.add_row(
            one["versionId"],
            str(one["changeNumber"]),
            _moment(one["recordedAt"]),
            str(len(one["addressPrefixes"])),
            Text(f"+{len(one['added'])}", style="green" if one["added"] else "dim"),
            Text(f"-{len(one['removed'])}", style="red" if one["removed"] else "dim"),
        )
    return table if found else Text("No version is recorded yet: the first run records one.")


def version(one: Mapping[str, Any]) -> RenderableType:
    head = _pairs(
        [
            ("Version", one["versionId"]),
            ("Change number", str(one["changeNumber"])),
            ("Recorded", _moment(one["recordedAt"])),
            ("Asked", ", ".join(one["locations"])),
            ("After", one["previousVersionId"] or "none"),
        ]
    )
    unchanged = [Text(f"    {p}") for p in one["addressPrefixes"] if p not in one["added"]]
    return Group(head, Text(), *unchanged, *_prefixes(one))


def difference(found: Mapping[str, Any]) -> RenderableType:
    lines = _prefixes(found) or [Text("  no difference", style="dim")]
    count = f"{len(found['added'])} added, {len(found['removed'])} removed"
    return Group(Text(f"{found['from']} → {found['to']}", style="bold"), *lines, Text(f"\n{count}"))


def runs(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = _table("run", "trigger", "mode", "status", "started", "route tables")
    for one in found:
        table.add_row(
            one["runId"],
            one["trigger"],
            one["mode"],
            _coloured(one["status"]),
            _moment(one["startedAt"]),
            _counts(one) or _NONE,
        )
    return table if found else Text("No run yet.")


def _run_line(found: Mapping[str, Any]) -> Text:
    what = f"Run {found['runId']} ({found['trigger']}, {found['mode']}): "
    return Text.assemble((what, "bold"), _coloured(found["status"]))


def _alike(outcomes: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Group the outcomes that make the same changes. Outcomes without a change are left out."""
    groups: dict[tuple[object, ...], list[Mapping[str, Any]]] = {}
    for each in outcomes:
        changes = tuple(tuple(each[kind]) for kind, _, _ in _KINDS)
        if any(changes):
            groups.setdefault((each["status"], *changes), []).append(each)
    return list(groups.values())


def _difference(alike: Sequence[Mapping[str, Any]], *, planned: bool) -> list[Text]:
    """Show changes in the form that plans of other tools have."""
    status, plain = alike[0]["status"], "planned" if planned else "changed"
    said = " will be changed" if planned else " changed"
    worse = Text() if status == plain else Text.assemble(", ", _coloured(status))
    heads = [Text.assemble(("# ", "dim"), _name(o), (said, "bold"), worse) for o in alike]
    return [*heads, *_prefixes(alike[0])]


def _prefixes(found: Mapping[str, Any]) -> list[Text]:
    return [
        Text(f"  {sign} {prefix}", style=colour)
        for kind, sign, colour in _KINDS
        for prefix in found.get(kind, ())
    ]


def _notes_of_all(outcomes: Iterable[Mapping[str, Any]]) -> list[Text]:
    """Show each note once, with the tables that it is about."""
    about: dict[tuple[str, str], list[str]] = {}
    for each in outcomes:
        for note in _notes(each):
            about.setdefault(note, []).append(_last_name(each["routeTableId"]))
    return [
        line
        for (text, style), tables in about.items()
        for line in (Text(f"  {text}", style=style), Text(f"      {', '.join(tables)}"))
    ]


def _notes(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each note with its style: the notes that need a person, then withheld and retained."""
    findings = {f"{finding['code']}: {finding['message']}" for finding in found["findings"]}
    for needs_person, text in notes_of(found):
        if needs_person:
            yield f"! {text}", "yellow" if text in findings else "red"

    withheld: dict[tuple[str, str], list[str]] = {}
    for each in found["withheld"]:
        withheld.setdefault((each["change"], each["why"]), []).append(each["prefix"])
    for (change, why), prefixes in withheld.items():
        yield f"◦ withheld ({why}): {change} {', '.join(prefixes)}", "yellow"

    retained: dict[str, list[str]] = {}
    for each in found["retained"]:
        retained.setdefault(each["until"], []).append(each["prefix"])
    for day, prefixes in retained.items():
        yield f"◦ no longer wanted, retained until {day}: {', '.join(prefixes)}", "dim"


def _sum(found: Mapping[str, Any]) -> list[Text]:
    numbers, planned = counted(found), found["mode"] == "plan"
    words = _WILL if planned else _DID
    total = ", ".join(f"{n} {word}" for n, word in zip(numbers.values(), words, strict=True))
    lines = [Text.assemble(("Plan: " if planned else "Done: ", "bold"), total)]
    lines.append(Text(f"Route tables: {_counts(found) or 'none'}"))
    if planned and found["counts"]["planned"]:
        lines.append(
            Text(f"To apply exactly this: ase-route-sync apply --plan {found['runId']}", "dim")
        )
    return lines


def _counts(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{number} {status}" for status, number in found["counts"].items() if number)


def _fault(found: Mapping[str, Any]) -> Text:
    needs = not needs_nobody(found["code"])
    said = f"  {'!' if needs else '·'} {found['code']}: {found['message']}"
    return Text(said, style="yellow" if needs else "dim")


def _name(found: Mapping[str, Any]) -> Text:
    return Text(_place(found), style="bold")


def _place(found: Mapping[str, Any]) -> str:
    table = found["routeTableId"]
    return f"{_last_name(table)} in {_group_of(table)} ({table.split('/')[2]})"


def _last_name(resource_id: str | None) -> str:
    return resource_id.rsplit("/", 1)[1] if resource_id else _NONE


def _group_of(resource_id: str) -> str:
    return resource_id.split("/")[4]


def _wanted(one: Mapping[str, Any]) -> str:
    tags = ", ".join(one["serviceTags"])
    source = {"serviceTag": tags, "ase": "the environment's own addresses"}
    wanted = source.get(one["addressSource"], f"{tags} and the environment's own addresses")
    return wanted if one["routeStyle"] == "prefixes" else f"{wanted}, as service tag routes"


def _moment(text: str | None) -> str:
    return f"{text[:10]} {text[11:16]} UTC" if text else "never"


def _coloured(status: str) -> Text:
    return Text(status, style=_COLOURS.get(status.strip(), ""))


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table


def _pairs(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(Text(name, style="dim"), value)
    return table
