"""What the timers and the queues do. An error raised here goes to the queue, which tries again."""

import logging
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass

from azure.core.exceptions import AzureError

from .app import App, app
from .domain.armid import RouteTableId
from .domain.errors import TransientError
from .domain.runs.run import Mode, RunRequest, Trigger
from .log import log_check
from .messages import RunMessage, TableMessage, table_messages
from .sync.table.delivery import Delivered

LONGEST_REST_SECONDS = 0.6
"""Of one delivery; whoever comes round again rests again."""

_log = logging.getLogger("ase_route_sync")


@dataclass(frozen=True, slots=True)
class Messages:
    """Of a table: that of its run, where that has ended and people are to be told; and those for
    the end of the tables' queue, its own or the next table's.
    """

    ended: str | None = None
    later: tuple[str, ...] = ()


def scheduled_sync() -> str:
    """The start message of a new run."""
    run = app().create_run(RunRequest(Trigger.TIMER, Mode.APPLY))
    return str(RunMessage(run.run_id))


def daily_check() -> list[str]:
    """Messages of the run that it starts, if any, and of what people are still to be told."""
    context = app()
    context.run_end.expire_overdue()
    checked = context.check.check()
    log_check(checked.to_json())
    started = [checked.run_id] if checked.run_id else []
    messages = [str(RunMessage(i)) for i in (*started, *context.notifier.due())]
    _remove_old(context)
    return messages


def start_run(text: str) -> list[str]:
    """The messages of the run's tables; of one that has ended people are told."""
    context = app()
    run_id = RunMessage.parse(text).run_id
    tables = context.run_start.start(run_id)
    context.notifier.tell(run_id)
    return _table_messages(run_id, tables)


def sync_route_table(text: str) -> Messages:
    """While Azure has been asked enough of a subscription for now, its tables go to the end of the
    queue: those of others are not held up, and what has begun gets what is left.
    """
    message = TableMessage.parse(text)
    context = app()
    rest = context.clients.budgets.seconds_to_rest(message.route_table_id.subscription_id)
    if rest:
        # Those that were sent away together do not come together.
        time.sleep(min(rest, LONGEST_REST_SECONDS) * random.uniform(0.5, 1))  # noqa: S311
        return Messages(later=(text,))
    try:
        delivered = context.tables.sync(message.run_id, message.route_table_id)
    except TransientError:
        if message.next is None:
            raise
        # Those after it do not wait until it is right, or given up.
        alone = TableMessage(message.run_id, message.route_table_id)
        return Messages(later=(str(alone), str(message.next)))
    return _messages(message, delivered)


def start_run_without_tags(text: str) -> list[str]:
    """The messages of a run whose start was tried often enough: its tables are repaired."""
    try:
        run_id = RunMessage.parse(text).run_id
    except ValueError:
        _log.error("dropped a poisoned message that is not ours: %.200s", text)
        return []
    return _table_messages(run_id, app().run_start.start_without_tags(run_id))


def give_up_route_table(text: str) -> Messages:
    """The table has failed; what comes after it does not wait for it."""
    try:
        message = TableMessage.parse(text)
    except ValueError:
        _log.error("dropped a poisoned message that is not ours: %.200s", text)
        return Messages()
    return _messages(message, app().tables.give_up(message.run_id, message.route_table_id))


def _messages(message: TableMessage, delivered: Delivered) -> Messages:
    """A message that comes twice sends on twice, which does nothing twice."""
    return Messages(
        str(RunMessage(message.run_id)) if delivered.notice_due else None,
        () if message.next is None else (str(message.next),),
    )


def _remove_old(context: App) -> None:
    """What can wait until tomorrow must not cost today's messages."""
    try:
        context.retention.remove_old()
    except AzureError as error:
        _log.error("old runs were not removed", exc_info=error)


def _table_messages(run_id: str, tables: Iterable[RouteTableId]) -> list[str]:
    return [str(message) for message in table_messages(run_id, tables)]
