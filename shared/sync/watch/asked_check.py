"""The daily check, if somebody asks for it: it is the task of a run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...domain.findings import Finding
from ...domain.people.check_report import CheckReport, check_id_of
from ...domain.runs.run import Progress, Run
from ..ports import Store
from .check import DailyCheck


@dataclass(frozen=True, slots=True)
class AskedCheck:
    store: Store
    daily: DailyCheck
    on_check: Callable[[CheckReport], None]

    def go_on(self, run: Run) -> Progress:
        """Do the check, unless an earlier message of the run has done it."""
        if self._stored(run) is None:
            self.on_check(self.daily.check(run))
        return Progress.DONE

    def error_of(self, _run: Run) -> Finding | None:
        """The report says what is wrong, so the run itself has succeeded."""
        return None

    def due_after(self, run: Run) -> Iterator[str]:
        """Yield the run that the check has started, while it waits, and the check's own notice."""
        stored = self._stored(run)
        if stored is None:
            return

        report, notice_due = stored
        started = self.store.runs.get(report.run_id) if report.run_id else None
        if started is not None and started.waits:
            yield started.run_id
        if notice_due:
            yield report.check_id

    def _stored(self, run: Run) -> tuple[CheckReport, bool] | None:
        return self.store.checks.get(check_id_of(run.started_at))
