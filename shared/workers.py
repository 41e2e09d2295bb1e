"""What the timer and the queues do. An error raised here goes to the queue, which tries again."""

import logging
from collections.abc import Iterable

from shared.app import app
from shared.domain.armid import RouteTableId
from shared.domain.report import Mode, RunRequest, Trigger
from shared.log import log_outcome
from shared.sync.messages import RunMessage, TableMessage

_log = logging.getLogger("ase_route_sync")


def scheduled_sync() -> str:
    """The start message of a new run."""
    run = app().create_run(RunRequest(Trigger.TIMER, Mode.APPLY))
    return str(RunMessage(run.run_id))


def start_run(text: str) -> list[str]:
    """The messages of the run's tables."""
    run_id = RunMessage.parse(text).run_id
    return _table_messages(run_id, app().run_start.start(run_id))


def sync_route_table(text: str) -> None:
    message = TableMessage.parse(text)
    outcome = app().tables.sync(message.run_id, message.route_table_id)
    if outcome is not None:
        log_outcome(message.run_id, outcome)


def start_run_without_tags(text: str) -> list[str]:
    """The messages of a run whose start was tried often enough: its tables are repaired."""
    try:
        run_id = RunMessage.parse(text).run_id
    except ValueError:
        _log.error("dropped a poisoned message that is not ours: %.200s", text)
        return []
    return _table_messages(run_id, app().run_start.start_without_tags(run_id))


def give_up_route_table(text: str) -> None:
    try:
        message = TableMessage.parse(text)
    except ValueError:
        _log.error("dropped a poisoned message that is not ours: %.200s", text)
        return
    app().tables.give_up(message.run_id, message.route_table_id)


def _table_messages(run_id: str, tables: Iterable[RouteTableId]) -> list[str]:
    return [str(TableMessage(run_id, table)) for table in tables]
