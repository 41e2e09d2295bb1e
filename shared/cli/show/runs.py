"""Show the list of runs."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from rich.console import RenderableType
from rich.text import Text

from ...domain.runs.run import Run
from ...render import what_for
from .layout import Rows
from .parts import NONE, coloured, counted, moment

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)

type _Cell = Callable[[Run, datetime], Text]


def runs(found: Sequence[Run], now: datetime, *, wide: bool = False) -> RenderableType:
    if not found:
        return Text("No run yet.")

    columns = _WIDE if wide else _NARROW
    rows = [[cell(one, now) for cell in columns.values()] for one in found]
    return Rows([*columns], rows)


def _who(run: Run) -> str:
    name, door = run.request.requested_by, run.request.trigger.value
    return f"{door}: {name}" if name else door


def _took(run: Run, now: datetime) -> str:
    """Say how long the run took, or has taken so far."""
    span = (run.finished_at or now) - run.started_at
    seconds = int(span.total_seconds())
    if span < _MINUTE:
        return f"{seconds} s"
    if span < _HOUR:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds // 60 % 60} min"


_NARROW: Mapping[str, _Cell] = {
    "run": lambda run, _: Text(run.run_id),
    "what": lambda run, _: Text(what_for(run)),
    "status": lambda run, _: coloured(run.status),
    "took": lambda run, now: Text(_took(run, now)),
    "who": lambda run, _: Text(_who(run)),
}
_WIDE: Mapping[str, _Cell] = {
    **_NARROW,
    "started": lambda run, _: Text(moment(run.started_at)),
    "change": lambda run, _: Text(run.request.change_id or NONE),
    "route tables": lambda run, _: Text(counted(run.counts) or NONE),
    "reason": lambda run, _: Text(run.request.reason or ""),
}
