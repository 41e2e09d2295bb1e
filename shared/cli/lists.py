"""Show what there is: versions, runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from .. import answers
from ..app import utc_now
from ..domain.addresses import difference
from ..domain.runs.run import RunStatus
from ..json_shapes import run_json, version_json
from . import names, show
from .commands.options import Output
from .contact import app
from .errors import Ended
from .follow import followed
from .shell import answer, answer_report


@dataclass(frozen=True, slots=True)
class Listed:
    """One list in each form: for programs, as ids, for a terminal of 80 columns, and wide."""

    body: Mapping[str, Any]
    ids: Sequence[str]
    narrow: RenderableType
    wide: RenderableType


def answer_list(listed: Listed, output: Output | None) -> None:
    match output:
        case Output.JSON:
            answer(listed.body, "", as_json=True)
        case Output.ID:
            answer(None, Group(*map(Text, listed.ids)), as_json=False)
        case Output.WIDE:
            answer(None, listed.wide, as_json=False)
        case None:
            answer(None, listed.narrow, as_json=False)


def list_versions(most: int, output: Output | None) -> None:
    found = list(islice(answers.versions(app()), most))
    listed = Listed(
        {"value": [version_json(*pair) for pair in found]},
        [version.version_id for version, _ in found],
        show.versions(found),
        show.versions(found, wide=True),
    )
    answer_list(listed, output)


def show_version(version_id: str, output: Output | None) -> None:
    version = answers.existing_version(app(), names.version(version_id))
    change = answers.version_change(app(), version)
    shown = show.version(version, change)
    answer_list(Listed(version_json(version, change), [version.version_id], shown, shown), output)


def compare_versions(version_id: str, other_id: str, *, as_json: bool) -> None:
    version = answers.existing_version(app(), names.version(version_id))
    other = answers.existing_version(app(), names.version(other_id))
    change = difference(version.address_prefixes, other.address_prefixes)

    body = {
        "from": version.version_id,
        "to": other.version_id,
        "added": list(change.added),
        "removed": list(change.removed),
    }
    answer(body, show.difference(version, other, change), as_json=as_json)


def list_runs(most: int, output: Output | None) -> None:
    found, now = list(islice(answers.runs(app()), most)), utc_now()
    listed = Listed(
        {"value": [run_json(run) for run in found]},
        [run.run_id for run in found],
        show.runs(found, now),
        show.runs(found, now, wide=True),
    )
    answer_list(listed, output)


def show_run(run_id: str, output: Output | None, *, wait: bool) -> None:
    """The exit status is 1 if the run has failed."""
    as_json, run_id = output is Output.JSON, names.run(run_id)
    run = followed(run_id, as_json=as_json) if wait else answers.existing_run(app(), run_id)
    if output is Output.ID:
        answer(None, Text(run.run_id), as_json=False)
    else:
        answer_report(answers.run_report(app(), run), as_json=as_json)
    raise Ended(1 if run.status is RunStatus.FAILED else 0)
