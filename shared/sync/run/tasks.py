"""Runs that are not about tables: a discovery, a check.

Such a run has a task. Each message of the run does a part of it, and sends the next message while a
part is left. The report of the run shows the result.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ...domain import codes
from ...domain.errors import PermanentError
from ...domain.findings import Finding
from ...domain.runs.run import Action, Progress, Run
from ..ports import Clock, Store
from .lifecycle import RunEnd


class Task(Protocol):
    """The work of one kind of run. It is safe to repeat at any point."""

    def go_on(self, run: Run) -> Progress:
        """Do the next part.

        Raise PermanentError if nothing of the work can be done, or TransientError if the next part
        has to wait.
        """

    def error_of(self, run: Run) -> Finding | None:
        """Return the error of a run whose work is done, if a part of it has failed."""

    def due_after(self, run: Run) -> Iterable[str]:
        """Return the ids of other runs and of checks whose messages are due after this run."""


@dataclass(frozen=True, slots=True)
class TaskRuns:
    store: Store
    clock: Clock
    run_end: RunEnd
    tasks: Mapping[Action, Task]

    def go_on(self, run_id: str) -> bool:
        """Do the next part of the run's task, and return whether another message has to go on.

        A run without a task, or one that has ended, needs none. Raise an error that may pass after
        it was noted on the run, so that the queue delivers the message again.
        """
        run = self.run_end.expire_if_overdue(self.store.runs.get(run_id))
        if run is None or run.ended or run.request.action not in self.tasks:
            return False

        task = self.tasks[run.request.action]
        try:
            progress = task.go_on(run)
        except PermanentError as error:
            self.run_end.fail(run, Finding.of(error))
            return False
        except Exception as error:
            self._note(run_id, error)
            raise

        if progress is Progress.DONE:
            self.run_end.complete(run, task.error_of(run))
        return progress is Progress.LEFT

    def due_after(self, run_id: str) -> tuple[str, ...]:
        """Return the ids whose messages are due if this run has ended and has a task."""
        run = self.store.runs.get(run_id)
        if run is None or not run.ended or run.request.action not in self.tasks:
            return ()
        return tuple(self.tasks[run.request.action].due_after(run))

    def give_up(self, run_id: str) -> None:
        """Fail a run that has a task, after the queue's last attempt."""
        run = self.store.runs.get(run_id)
        if run is not None and run.request.action in self.tasks:
            message = "the run could not go on; see the log"
            self.run_end.fail(run, run.error or Finding(codes.START_FAILED, message))

    def _note(self, run_id: str, error: Exception) -> None:
        run = self.store.runs.get(run_id)
        if run is not None and not run.ended:
            self.store.runs.replace(run.stopped_by(Finding.of(error), self.clock()))
