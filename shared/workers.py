"""The work of the timers and the queues.

An error that is raised here goes to the queue, which delivers the message again.
"""

import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from azure.core.exceptions import AzureError

from .alert_shapes import parsed, read_events
from .app import App, app, record_settings, utc_now
from .domain import codes
from .domain.armid import RouteTableId
from .domain.errors import RouteSyncError, TransientError
from .domain.findings import Finding
from .domain.runs.alert import Alert, Ignored
from .domain.runs.run import Mode, RunRequest, Trigger
from .log import log_check, log_event
from .messages import RunMessage, TableMessage, table_messages
from .redaction import presentable_trace
from .settings import InvalidSettings
from .storage.errors import storage_fault
from .sync.run.events import WINDOW
from .sync.run.intake import AlertRun
from .sync.table.delivery import Delivered

LONGEST_WAIT_SECONDS = 0.6
"""One delivery waits no longer. The message comes again and can wait again."""

LAST_ATTEMPTS = 3
"""Another worker may have changed the same row, and storage may not have answered for a moment."""

_log = logging.getLogger("ase_route_sync")


class InvocationFailed(Exception):
    """An unforeseen error. Its message is the trace, as the log may show it."""


@contextmanager
def _invocation() -> Iterator[None]:
    """Let no secret into the host's log with an error.

    The host logs the whole chain of an error that reaches it, so the chain is cut here.
    """
    try:
        yield
    except (RouteSyncError, InvalidSettings) as error:
        raise error from None
    except AzureError as error:
        found = storage_fault(error)
        raise TransientError(found.code, found.message) from None
    except Exception as error:
        raise InvocationFailed(presentable_trace(error)) from None


@dataclass(frozen=True, slots=True)
class Messages:
    """The messages that follow a delivery.

    `run` goes to the queue of runs: the run goes on, or it has ended and people are to be told.
    `others` go there as well: they are about other runs, or about checks. `later` go to the end of
    the queue of tables: this table again, or the next ones.
    """

    run: str | None = None
    later: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """The start message of a run, if one has to be sent, and the seconds until it may leave."""

    message: str | None = None
    seconds: float = 0.0


@_invocation()
def scheduled_sync() -> str:
    """Return the start message of a new run."""
    run = app().create_run(RunRequest(Trigger.TIMER, Mode.APPLY))
    return str(RunMessage(run.run_id))


@_invocation()
def daily_check() -> list[str]:
    """Return the messages for the run that it starts, for the runs that nobody attends to any more
    and for the notices that are still due.
    """
    context = app()
    record_settings(context)
    _end_overdue(context)
    unattended = list(context.run_start.unattended())
    checked = context.check.check()
    log_check(checked)

    started = [checked.run_id] if checked.run_id else []
    due = context.notifier.due()
    messages = [str(RunMessage(i)) for i in (*started, *unattended, *due)]
    _remove_old(context)
    return messages


@_invocation()
def start_run(text: str) -> Messages:
    """Send the messages of the run's tables, or go on with its task.

    If the run has ended, tell people.
    """
    context = app()
    run_id = RunMessage.parse(text).run_id
    if context.task_runs.go_on(run_id):
        return Messages(run=text)

    tables = context.run_start.start(run_id)
    context.notifier.tell(run_id)
    others = tuple(str(RunMessage(due)) for due in context.task_runs.due_after(run_id))
    return Messages(later=tuple(_table_messages(run_id, tables)), others=others)


@_invocation()
def sync_route_table(text: str) -> Messages:
    """Sync a table, or send it to the end of the queue if its subscription has to wait.

    A subscription waits while it is short of requests to Azure. The tables of other subscriptions
    do not wait for it, and the tables that have begun get the requests that are left.
    """
    message = TableMessage.parse(text)
    table = message.route_table_id
    # A message that no run waits for any more needs no request to Azure, so that it ends below.
    if _rested(table.subscription_id) and app().tables.is_open(message.run_id, table):
        return Messages(later=(text,))

    try:
        delivered = app().tables.sync(message.run_id, message.route_table_id)
    except TransientError:
        if message.next is None:
            raise
        # The next table must not wait until this one succeeds or is poisoned.
        alone = TableMessage(message.run_id, message.route_table_id)
        return Messages(later=(str(alone), str(message.next)))
    return _messages(message, delivered)


def _rested(subscription_id: str) -> bool:
    """Wait for a moment if the subscription has to wait; say whether it had to."""
    seconds = app().clients.budgets.seconds_to_wait(subscription_id)
    if seconds:
        # Tables that leave together should not come back together.
        time.sleep(min(seconds, LONGEST_WAIT_SECONDS) * random.uniform(0.5, 1))  # noqa: S311
    return bool(seconds)


@_invocation()
def take_event(body: bytes, *, deliveries: int) -> Start:
    """Start or join the run that the event asks for, or log why the event is ignored.

    `deliveries` counts this delivery, too.
    """
    return _take_event(body, comes_again=deliveries > 1)


def take_poisoned_event(body: bytes) -> Start:
    """Try once more. If nothing helps, the daily check repairs what the event is about."""
    start = _at_last("an event", lambda: _take_event(body, comes_again=True))
    if start is None:
        message = "every delivery of the event failed; see the log"
        log_event(None, error=Finding(codes.RETRIES_EXHAUSTED, message))
    return start or Start()


def _take_event(body: bytes, *, comes_again: bool) -> Start:
    signals = read_events(parsed(body))
    if any(isinstance(signal, Alert) for signal in signals):
        app().arrivals.note()

    event = app().events.relevant(signals)
    if isinstance(event, Ignored):
        log_event(None, ignored=event.reason)
        return Start()
    return _start(event.name, app().events.take(event, body, comes_again=comes_again))


def _start(name: str, taken: AlertRun | Ignored) -> Start:
    if isinstance(taken, Ignored):
        log_event(name, ignored=taken.reason)
        return Start()

    log_event(name, run_id=taken.run.run_id)
    if not taken.send:
        return Start()
    # If the clock of another instance runs ahead, the run starts sooner, which loses nothing.
    ahead = min(taken.run.started_at - utc_now(), WINDOW)
    return Start(str(RunMessage(taken.run.run_id)), max(0.0, ahead.total_seconds()))


def start_run_without_tags(text: str) -> list[str]:
    """Return the messages of a run whose start has failed too often: its tables are repaired.

    If not even that is possible, or if the run has a task, it fails. If the run has ended, tell
    people.
    """
    message = _poisoned(RunMessage.parse, text)
    if message is None:
        return []
    run_id = message.run_id

    _at_last(run_id, lambda: app().task_runs.give_up(run_id))
    tables = _at_last(run_id, lambda: app().run_start.start_without_tags(run_id))
    if tables is None:
        _at_last(run_id, lambda: app().run_end.fail_unstarted(run_id))
    _at_last(run_id, lambda: app().notifier.tell(run_id))
    return _table_messages(run_id, tables or [])


def fail_poisoned_route_table(text: str) -> Messages:
    """End the table as failed, and go on with the next one."""
    message = _poisoned(TableMessage.parse, text)
    if message is None:
        return Messages()
    run_id, table = message.run_id, message.route_table_id

    delivered = _at_last(f"{run_id} {table}", lambda: app().tables.fail_poisoned(run_id, table))
    return _messages(message, delivered or Delivered())


def _poisoned[T](parse: Callable[[str], T], text: str) -> T | None:
    try:
        return parse(text)
    except ValueError:
        _log.error("dropped a poisoned message that is not ours: %.200s", text)
        return None


def _at_last[T](what: str, attempt: Callable[[], T]) -> T | None:
    """Try what nobody tries again: a poison function that raises is not warned of by the host.

    Return None if every attempt failed. Then the log says why, and the daily check sees to the run.
    """
    for number in range(1, LAST_ATTEMPTS + 1):
        try:
            return attempt()
        except Exception as error:
            trace = presentable_trace(error)
            _log.error("poisoned: %s: attempt %s failed: %s", what, number, trace)
    return None


def _messages(message: TableMessage, delivered: Delivered) -> Messages:
    """Safe to deliver twice: the messages that follow are idempotent."""
    return Messages(
        str(RunMessage(message.run_id)) if delivered.notice_due else None,
        () if message.next is None else (str(message.next),),
    )


def _end_overdue(context: App) -> None:
    unreadable = context.runs.unreadable(before=utc_now())
    for kept in (*context.run_end.expire_overdue(), *unreadable):
        _log.error("an open run cannot be ended: %s: %s", kept.code, kept.message)


def _remove_old(context: App) -> None:
    """Old runs can wait until tomorrow, so an error must not cost today's messages."""
    try:
        for kept in context.housekeeping.remove_old():
            _log.error("an old run was not removed: %s: %s", kept.code, kept.message)
    except Exception as error:
        _log.error("old runs were not removed", exc_info=error)


def _table_messages(run_id: str, tables: Iterable[RouteTableId]) -> list[str]:
    return [str(message) for message in table_messages(run_id, tables)]
