"""The command line: the functions' own code, run in place.

Exit status: 0 done or nothing to do, 1 failed, 2 changes pending (`plan`), 3 blocked.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from azure.core.exceptions import AzureError

from shared.app import App, app
from shared.domain.armid import RouteTableId
from shared.domain.errors import TransientError
from shared.domain.report import Mode, RunRequest, Trigger, report
from shared.render import render
from shared.settings import InvalidSettings

DELIVERIES = 5
"""How often what may pass is tried, as the queue would."""
SECONDS_BETWEEN = 15


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    try:
        result = _run(app(), Mode(asked.command), asked.route_table)
    except InvalidSettings as error:
        print("missing or wrong settings:", *error.faults, sep="\n  ", file=sys.stderr)
        return 1
    except AzureError as error:
        print(f"storage does not answer: {error.message}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(render(result))
    return exit_status(result)


def exit_status(result: Mapping[str, Any]) -> int:
    counts = result["counts"]
    if result["error"] or counts["failed"] or counts["conflict"]:
        return 1
    if counts["blocked"]:
        return 3
    return 2 if counts["planned"] else 0


def _run(context: App, mode: Mode, route_tables: Sequence[str]) -> Mapping[str, Any]:
    asked = tuple(_registered(context, text) for text in route_tables)
    run = context.create_run(RunRequest(Trigger.CLI, mode, route_tables=asked))
    try:
        tables = _persistently(lambda: context.run_start.start(run.run_id))
    except TransientError:
        tables = context.run_start.start_without_tags(run.run_id)
    for table in tables:
        _sync(context, run.run_id, table)
    ended = context.runs.get(run.run_id) or run
    return report(ended, context.outcomes.list(run.run_id))


def _registered(context: App, text: str) -> RouteTableId:
    """Raise ValueError where the table is not registered and enabled."""
    registration = context.registry.get(RouteTableId.parse(text))
    if registration is None or not registration.enabled:
        raise ValueError(f"not registered, or disabled: {text}")
    return registration.route_table_id


def _sync(context: App, run_id: str, table: RouteTableId) -> None:
    try:
        _persistently(lambda: context.tables.sync(run_id, table))
    except TransientError:
        context.tables.give_up(run_id, table)


def _persistently[T](attempt: Callable[[], T]) -> T:
    for _ in range(DELIVERIES - 1):
        try:
            return attempt()
        except TransientError:
            time.sleep(SECONDS_BETWEEN)
    return attempt()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ase-route-sync", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("plan", "show what apply would change, and write nothing to Azure"),
        ("apply", "bring the registered route tables to the newest service tags"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--route-table",
            action="append",
            default=[],
            metavar="ARM_ID",
            help="only this registered route table; may be repeated",
        )
    return parser
