"""The triggers of the app. Each function parses, calls and renders, and decides nothing.

The functions import `shared` when they are called: the import takes seconds, and the host must not
wait for it while it indexes them. `_in_lane` makes each of them a coroutine whose body is run in a
thread of the app's own.
"""

import asyncio
import functools
import os
import typing
from collections.abc import Awaitable, Callable

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)

STORAGE = "AzureWebJobsStorage"
RUNS = "route-table-runs"
TABLES = "route-table-sync"
EVENTS = "resource-events"

_TRUE = {"1", "on", "t", "true", "y", "yes"}
"""The app's settings take these for true, in any case of the letters."""
TOKENS_ARE_REQUIRED = os.environ.get("REQUIRE_TOKENS", "").strip().lower() in _TRUE
"""The host reads the level of a function before `shared` is imported, so this setting is read here.

With it, a person signs in to the dashboard, and no key is needed for it. `shared` is told so, and
then lets nobody in who has not signed in, whatever it reads in the settings itself.
"""


def _in_lane[**P, T](name: str) -> Callable[[Callable[P, T]], Callable[P, Awaitable[T]]]:
    """Make a coroutine of a function: its body is run in these lanes of `shared.lanes`."""

    def asynchronous(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
        @functools.wraps(function)
        async def coroutine(*arguments: P.args, **named: P.kwargs) -> T:
            from shared import lanes

            result: T = await getattr(lanes, name).run(function, *arguments, **named)
            return result

        return coroutine

    return asynchronous


@app.timer_trigger("timer", schedule="%SYNC_SCHEDULE%", run_on_startup=False, use_monitor=True)
@app.queue_output("start", queue_name=RUNS, connection=STORAGE)
@_in_lane("RUNS")
def scheduled_sync(timer: func.TimerRequest, start: func.Out[str]) -> None:
    from shared import workers

    start.set(workers.scheduled_sync())


@app.timer_trigger("timer", schedule="%CHECK_SCHEDULE%", run_on_startup=False, use_monitor=True)
@app.queue_output("runs", queue_name=RUNS, connection=STORAGE)
@_in_lane("RUNS")
def daily_check(timer: func.TimerRequest, runs: func.Out[typing.List[str]]) -> None:  # noqa: UP006
    # The worker accepts `typing.List[str]` but not `list[str]`, here and below.
    from shared import workers

    runs.set(workers.daily_check())


@app.queue_trigger("message", queue_name=RUNS, connection=STORAGE)
@app.queue_output("runs", queue_name=RUNS, connection=STORAGE)
@app.queue_output("tables", queue_name=TABLES, connection=STORAGE)
@_in_lane("RUNS")
def start_run(
    message: func.QueueMessage,
    runs: func.Out[typing.List[str]],  # noqa: UP006
    tables: func.Out[typing.List[str]],  # noqa: UP006
) -> None:
    from shared import workers

    messages = workers.start_run(_text(message))
    again = [messages.run] if messages.run else []
    _set(runs, [*again, *messages.others])
    _set(tables, list(messages.later))


@app.queue_trigger("message", queue_name=f"{RUNS}-poison", connection=STORAGE)
@app.queue_output("tables", queue_name=TABLES, connection=STORAGE)
@_in_lane("RUNS")
def start_run_poison(message: func.QueueMessage, tables: func.Out[typing.List[str]]) -> None:  # noqa: UP006
    from shared import workers

    tables.set(workers.start_run_without_tags(_text(message)))


@app.queue_trigger("message", queue_name=TABLES, connection=STORAGE)
@app.queue_output("ended", queue_name=RUNS, connection=STORAGE)
@app.queue_output("later", queue_name=TABLES, connection=STORAGE)
@_in_lane("TABLES")
def sync_route_table(
    message: func.QueueMessage,
    ended: func.Out[str],
    later: func.Out[typing.List[str]],  # noqa: UP006
) -> None:
    from shared import workers

    messages = workers.sync_route_table(_text(message))
    _set(ended, messages.run)
    _set(later, list(messages.later))


@app.queue_trigger("message", queue_name=f"{TABLES}-poison", connection=STORAGE)
@app.queue_output("ended", queue_name=RUNS, connection=STORAGE)
@app.queue_output("later", queue_name=TABLES, connection=STORAGE)
@_in_lane("RUNS")
def sync_route_table_poison(
    message: func.QueueMessage,
    ended: func.Out[str],
    later: func.Out[typing.List[str]],  # noqa: UP006
) -> None:
    from shared import workers

    messages = workers.fail_poisoned_route_table(_text(message))
    _set(ended, messages.run)
    _set(later, list(messages.later))


@app.queue_trigger("message", queue_name=EVENTS, connection=STORAGE)
@app.queue_output("start", queue_name=RUNS, connection=STORAGE)
async def resource_events(message: func.QueueMessage, start: func.Out[str]) -> None:
    from shared import lanes, workers

    deliveries = message.dequeue_count or 1
    begun = await lanes.RUNS.run(workers.take_event, message.get_body(), deliveries=deliveries)
    # The host holds the message meanwhile, and nobody else has to wait.
    await asyncio.sleep(begun.seconds)
    _set(start, begun.message)


@app.queue_trigger("message", queue_name=f"{EVENTS}-poison", connection=STORAGE)
@app.queue_output("start", queue_name=RUNS, connection=STORAGE)
async def resource_events_poison(message: func.QueueMessage, start: func.Out[str]) -> None:
    from shared import lanes, workers

    begun = await lanes.RUNS.run(workers.take_poisoned_event, message.get_body())
    await asyncio.sleep(begun.seconds)
    _set(start, begun.message)


@app.route("alerts", methods=["POST", "OPTIONS"])
@app.queue_output("start", queue_name=RUNS, connection=STORAGE)
@_in_lane("REQUESTS")
def alert(req: func.HttpRequest, start: func.Out[str]) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.take_alert(req, start.set)


@app.route("sync", methods=["POST"])
@app.queue_output("start", queue_name=RUNS, connection=STORAGE)
@_in_lane("REQUESTS")
def sync(req: func.HttpRequest, start: func.Out[str]) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.start_sync(req, start.set)


@app.route("adopt", methods=["POST"])
@app.queue_output("start", queue_name=RUNS, connection=STORAGE)
@_in_lane("REQUESTS")
def adopt(req: func.HttpRequest, start: func.Out[str]) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.adopt(req, start.set)


@app.route("rollback", methods=["POST"])
@app.queue_output("start", queue_name=RUNS, connection=STORAGE)
@_in_lane("REQUESTS")
def rollback(req: func.HttpRequest, start: func.Out[str]) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.rollback(req, start.set)


@app.route("release", methods=["POST"])
@_in_lane("REQUESTS")
def release(req: func.HttpRequest) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.release(req)


@app.route("discover", methods=["POST"])
@app.queue_output("start", queue_name=RUNS, connection=STORAGE)
@_in_lane("REQUESTS")
def discover(req: func.HttpRequest, start: func.Out[str]) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.discover(req, start.set)


@app.route("check", methods=["POST"])
@app.queue_output("start", queue_name=RUNS, connection=STORAGE)
@_in_lane("REQUESTS")
def check(req: func.HttpRequest, start: func.Out[str]) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.check(req, start.set)


@app.route("provision", methods=["POST"])
@app.queue_output("start", queue_name=RUNS, connection=STORAGE)
@_in_lane("REQUESTS")
def provision(req: func.HttpRequest, start: func.Out[str]) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.provision(req, start.set)


@app.route("runs", methods=["GET"])
@_in_lane("REQUESTS")
def list_runs(req: func.HttpRequest) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.list_runs(req)


@app.route("runs/{runId}", methods=["GET"])
@_in_lane("REQUESTS")
def get_run(req: func.HttpRequest) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.get_run(req)


@app.route("route-tables/{*id}", methods=["GET"])
@_in_lane("REQUESTS")
def route_tables(req: func.HttpRequest) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.list_or_get_route_tables(req)


@app.route("route-tables/{*id}", methods=["PUT"])
@_in_lane("REQUESTS")
def register_route_table(req: func.HttpRequest) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.register_route_table(req)


@app.route("route-tables/{*id}", methods=["PATCH"])
@_in_lane("REQUESTS")
def change_route_table(req: func.HttpRequest) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.change_route_table(req)


@app.route("route-tables/{*id}", methods=["DELETE"])
@_in_lane("REQUESTS")
def unregister_route_table(req: func.HttpRequest) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.unregister_route_table(req)


@app.route("versions", methods=["GET"])
@_in_lane("REQUESTS")
def list_versions(req: func.HttpRequest) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.list_versions(req)


@app.route("versions/{versionId}", methods=["GET"])
@_in_lane("REQUESTS")
def get_version(req: func.HttpRequest) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.get_version(req)


@app.route("versions.atom", methods=["GET"])
@_in_lane("REQUESTS")
def versions_feed(req: func.HttpRequest) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.versions_feed(req)


@app.route("lists/{name}", methods=["GET"])
@_in_lane("REQUESTS")
def lists(req: func.HttpRequest) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.lists(req)


@app.route(
    "dashboard",
    methods=["GET"],
    auth_level=func.AuthLevel.ANONYMOUS if TOKENS_ARE_REQUIRED else func.AuthLevel.FUNCTION,
)
@_in_lane("REQUESTS")
def dashboard(req: func.HttpRequest) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.dashboard(req, asks_for_no_key=TOKENS_ARE_REQUIRED)


@app.route("openapi.json", methods=["GET"])
@_in_lane("REQUESTS")
def openapi(req: func.HttpRequest) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.openapi(req)


@app.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@_in_lane("REQUESTS")
def health(req: func.HttpRequest) -> func.HttpResponse:
    from shared import endpoints

    return endpoints.health(req)


def _set[T](output: func.Out[T], value: T | None) -> None:
    if value:
        output.set(value)


def _text(message: func.QueueMessage) -> str:
    return message.get_body().decode()
