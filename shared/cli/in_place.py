"""The functions, called without a host: HTTP ones as they are, queues by a few threads."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func

from .. import endpoints, workers
from ..app import app
from ..domain.errors import TransientError
from ..domain.findings import Finding
from ..domain.runs.run import Trigger
from ..endpoints.shell import StartsRun
from ..messages import RunMessage, TableMessage
from .errors import Refused

LANES = 8
"""Tables at a time."""
DELIVERIES = 5
"""How often what may pass is tried, as the queue would."""
SECONDS_BETWEEN = 15
_ORIGIN = "https://in-place.invalid/api/"

type Endpoint = Callable[[func.HttpRequest], func.HttpResponse]
type OnTables = Callable[[int], None]
"""Told how many tables a run has."""
type OnDelivered = Callable[[TableMessage], None]
"""Told of each message that was delivered."""


def call(
    endpoint: Endpoint,
    body: Mapping[str, Any] | None = None,
    *,
    params: Mapping[str, str] | None = None,
    route_params: Mapping[str, str] | None = None,
) -> Any:
    """What the function answers; None where it has nothing to say. Raise Refused for an error."""
    answer = endpoint(
        func.HttpRequest(
            method="POST" if body is not None else "GET",
            url=_ORIGIN,
            params=params,
            route_params=route_params,
            body=b"" if body is None else json.dumps(body).encode(),
        )
    )
    found = json.loads(answer.get_body() or b"null")
    if answer.status_code >= 400:  # noqa: PLR2004
        raise Refused(**found["error"])
    return found


def listed(endpoint: Endpoint, most: int | None = None) -> list[dict[str, Any]]:
    """What the function lists, page by page; the first `most` of it."""
    found: list[dict[str, Any]] = []
    params = {"top": str(min(most or 1000, 1000))}
    while True:
        page = call(endpoint, params=params)
        found += page["value"]
        if page["nextLink"] is None or (most is not None and len(found) >= most):
            return found[:most]
        params = dict(parse_qsl(urlsplit(page["nextLink"]).query))


def asked_for(endpoint: StartsRun, body: Mapping[str, Any]) -> str:
    """The start message of the run that this function has written."""
    sent: list[str] = []
    call(lambda request: endpoint(request, sent.append, Trigger.CLI), body)
    return sent[0]


def carry_out(start: str, on_tables: OnTables, on_delivered: OnDelivered) -> dict[str, Any]:
    """Deliver a run's messages as the queues would; return its report.

    What has begun when a person interrupts is brought to its end, and the run fails.
    """
    run_id = RunMessage.parse(start).run_id
    lanes = ThreadPoolExecutor(LANES)
    try:
        messages = _started(start)
        on_tables(sum(1 + len(TableMessage.parse(text).then) for text in messages))
        for ended in _settled(lanes, messages, on_delivered):
            with suppress(TransientError):  # whoever is not told now, the daily check tells
                workers.start_run(ended)
    except KeyboardInterrupt:
        lanes.shutdown(cancel_futures=True)
        run = app().runs.get(run_id)
        if run is not None:
            app().run_end.fail(run, Finding("INTERRUPTED", "interrupted at the command line"))
        raise
    finally:
        lanes.shutdown(cancel_futures=True)
    found: dict[str, Any] = call(endpoints.get_run, route_params={"runId": run_id})
    return found


def _started(start: str) -> Sequence[str]:
    """The messages of the run's tables."""
    try:
        return _persistently(lambda: workers.start_run(start))
    except TransientError:
        return workers.start_run_without_tags(start)


def _settled(
    lanes: ThreadPoolExecutor, messages: Sequence[str], on_delivered: OnDelivered
) -> Iterator[str]:
    """The message of the run, when it has ended and people are to be told."""
    waiting = {lanes.submit(_delivered, text): text for text in messages}
    while waiting:
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            text, sent = waiting.pop(future), future.result()
            waiting |= {lanes.submit(_delivered, later): later for later in sent.later}
            on_delivered(TableMessage.parse(text))
            if sent.ended is not None:
                yield sent.ended


def _delivered(text: str) -> workers.Messages:
    try:
        return _persistently(lambda: workers.sync_route_table(text))
    except TransientError:
        return workers.give_up_route_table(text)


def _persistently[T](attempt: Callable[[], T]) -> T:
    for _ in range(DELIVERIES - 1):
        try:
            return attempt()
        except TransientError:
            time.sleep(SECONDS_BETWEEN)
    return attempt()
