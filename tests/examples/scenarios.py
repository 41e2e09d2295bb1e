"""What may happen to a job that starts a run. Each scenario has the parameters of the job, and a
script of the app's answers.
"""

import email.utils
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from .scripted import RUN, Drop, Effect, Leave, Reply, Script, Scripted, Seen, Silence

KEY = "the-key-of-the-app-0123456789=="
TOKEN = "the.token.of-the-identity"
JOB = "11111111-2222-3333-4444-555555555555"
STATUS = f"/api/runs/{RUN}"
TABLE = (
    "/subscriptions/10000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/"
    "Microsoft.Network/routeTables/"
)
HTML = Reply(502, "<html><h1>Our services aren't available right now</h1></html>")
LATE = Reply(504, "<html>504 Gateway Time-out</html>")


@dataclass(frozen=True, slots=True)
class Scenario:
    script: Script
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """By the names that they have in PowerShell. `{url}` stands for the server."""
    key: str = KEY
    environment: Mapping[str, str] = field(default_factory=dict)
    job_id: str | None = None
    away_for: float = 0
    limits: Mapping[str, int] = field(default_factory=dict)
    """The runbook's own limits in seconds, as another copy of it has them."""


# The answers of the app


def outcome(name: str, status: str, **more: object) -> dict[str, object]:
    lists = ("added", "removed", "updated", "withheld", "conflicts", "violations", "findings")
    empty: dict[str, object] = {key: [] for key in lists}
    return {"routeTableId": TABLE + name, "status": status, "error": None} | empty | more


def report(status: str = "Succeeded", *outcomes: Mapping[str, Any], **more: object) -> Reply:
    counts = dict.fromkeys(("unchanged", "planned", "changed", "conflict", "blocked", "failed"), 0)
    for one in outcomes:
        counts[one["status"]] += 1
    body = {"runId": RUN, "mode": "apply", "status": status, "counts": counts, "error": None}
    return Reply(200, body | {"outcomes": list(outcomes)} | more)


def running(retry_after: str | None = "1") -> Reply:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Reply(202, {"runId": RUN, "status": "Running"}, headers)


def started(server: Scripted, run_id: str = RUN, location: str = "") -> Reply:
    location = location or f"{server.url}/api/runs/{run_id}"
    body = {"runId": run_id, "status": "Running", "statusQueryGetUri": location}
    return Reply(202, body, {"Location": location, "Retry-After": "1"})


def refusal(status: int, code: str, message: str, **details: str) -> Reply:
    error: dict[str, object] = {"code": code, "message": message}
    if details:
        error["details"] = [{"target": name, "message": text} for name, text in details.items()]
    return Reply(status, {"error": error})


GOOD = report("Succeeded", outcome("one", "changed", added=["20.0.0.0/24", "20.0.1.0/24"]))


# Scripts

type Step = Callable[[Scripted, Seen], Effect]


def app(
    *polls: Effect | Step,
    start: Step | None = None,
    listed: Callable[[Scripted], Iterable[Mapping[str, object]]] | None = None,
    path: str = "/api/sync",
) -> Script:
    """The app takes the start, and answers the polls in this order; the last one stands."""

    def answer(server: Scripted, seen: Seen) -> Effect:
        if seen.headers.get("x-functions-key") != KEY:
            return Reply(401)
        if (seen.method, seen.path) == ("POST", path):
            return start(server, seen) if start else started(server)
        if (seen.method, seen.path) == ("GET", "/api/runs") and listed is not None:
            return Reply(200, {"value": list(listed(server)), "nextLink": None})
        if (seen.method, seen.path) == ("GET", STATUS):
            poll = polls[min(server.count("GET", STATUS), len(polls)) - 1]
            return poll(server, seen) if callable(poll) else poll
        return Reply(404)

    return answer


def run_of(server: Scripted, **more: object) -> list[dict[str, object]]:
    """The list of runs after a start whose answer got lost."""
    posted = server.asked("/api/sync")
    if not posted:
        return []
    body = posted[-1].json
    shown = {"runId": RUN, "mode": body.get("mode", "apply"), "reason": body.get("reason")}
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return [shown | {"changeId": body["changeId"], "startedAt": now, "status": "Running"} | more]


def always(effect: Effect) -> Step:
    return lambda _server, _seen: effect


def moved(server: Scripted, _seen: Seen) -> Effect:
    return Reply(302, "<html>moved</html>", {"Location": f"{server.other}/elsewhere"})


EARLIER = {"startedAt": (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")}
PACES = (None, "0", "2.5", "Tue, 01 Dec 2026 06:00:00 GMT", "172800", "soon")
BAD = report(
    "Failed",
    outcome("one", "failed", error={"code": "AuthorizationFailed", "message": "may not write"}),
    outcome(
        "two",
        "blocked",
        violations=[{"code": "MaxRemovedPercent", "message": "40 %", "forceable": True}],
    ),
    outcome(
        "three",
        "conflict",
        conflicts=[
            {"prefix": "20.0.0.0/24", "routeName": "fw", "nextHopType": "None", "accepted": None}
        ],
    ),
    outcome("four", "unchanged"),
)
WAITING = report(
    "Succeeded",
    outcome("one", "planned", added=["20.0.0.0/24"]),
    outcome("two", "changed", withheld=[{"prefix": "2.0.0.0/8", "why": "ApplyPolicy"}]),
    outcome("three", "unchanged"),
)
SHORT = {"WaitMinutes": 0.05}
CHANGE = {"ChangeId": "CHG0042", "Reason": "weekly"}
ALERT = '{"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": {"a": "b:,c"}}}'


def soon() -> str:
    return email.utils.formatdate(time.time() + 20, usegmt=True)


def scenarios() -> dict[str, Scenario]:
    return {
        # what a person asks for
        "good": Scenario(app(running(), GOOD)),
        "plan": Scenario(
            app(report("Succeeded", outcome("one", "planned"), mode="plan")),
            {
                **CHANGE,
                "Plan": True,
                "RouteTable": [TABLE + "one", TABLE + "two"],
                "Body": '{"force": [], "reason": "overwritten"}',
            },
        ),
        "approval": Scenario(app(GOOD), {**CHANGE, "PlanRunId": "20261101-1"}),
        "blanks around the key": Scenario(app(GOOD), key=f"  {KEY}\r\n"),
        "debug": Scenario(app(GOOD), {"Debug": True}),
        # what is refused
        "wrong key": Scenario(app(GOOD), key="a-wrong-key"),
        "a key that is none": Scenario(app(GOOD), key="half-a-key\nother-half"),
        "400": Scenario(
            app(start=always(refusal(400, "InvalidBody", "2 faults", mode="unknown", reason="x")))
        ),
        "an echo": Scenario(app(start=always(refusal(403, "Forbidden", f"{KEY} may not")))),
        "body": Scenario(app(GOOD), {"Body": "[]"}),
        # the network and the gateways in it
        "away": Scenario(app(running(), Leave(0.7), running(), GOOD)),
        "away at the start": Scenario(app(GOOD), away_for=0.7),
        "dropped": Scenario(app(Drop(), Drop(), GOOD)),
        "cut": Scenario(app(Reply(200, '{"status": "Succ', cut=True), GOOD)),
        "busy": Scenario(
            app(
                refusal(503, "StorageUnavailable", "storage does not answer"),
                Reply(429, "", {"Retry-After": "1"}),
                HTML,
                Reply(200, "<html>maintenance</html>"),
                Reply(403, "<html>this web app is stopped</html>"),
                Reply(408),
                Reply(500),
                GOOD,
            )
        ),
        "reports of no run": Scenario(
            app(
                Reply(200, {"status": "Succeeded"}),
                Reply(200, {"runId": "another", "status": "Succeeded"}),
                GOOD,
            )
        ),
        "paces": Scenario(app(*map(running, PACES), running(soon()), GOOD)),
        "silent at the start": Scenario(always(Silence()), SHORT),
        "silent": Scenario(app(Silence()), SHORT),
        "drips": Scenario(app(Reply(200, "{", drips=True)), SHORT),
        "a date that no calendar has": Scenario(
            app(Reply(429, "", {"Retry-After": "Fri, 31 Dec 10000 23:59:59 GMT"}), GOOD), SHORT
        ),
        "a read hangs": Scenario(app(Silence(), GOOD), limits={"Read": 1}),
        "the start hangs": Scenario(
            app(GOOD, start=always(Silence()), listed=run_of), limits={"Start": 1}
        ),
        "busy to the end": Scenario(app(HTML), SHORT),
        "longer": Scenario(app(running()), SHORT),
        "gone": Scenario(app(running(), refusal(404, "RunNotFound", "there is no such run"))),
        # where the key must not go
        "redirect": Scenario(app(start=moved)),
        "redirect of a read": Scenario(app(running(), moved)),
        "another location": Scenario(
            app(GOOD, start=lambda server, _: started(server, location=f"{server.other}{STATUS}"))
        ),
        "http": Scenario(app(), {"Url": "http://app.example"}),
        "key in the url": Scenario(app(), {"Url": "{url}/?code=in-the-url"}),
        # a start whose answer is lost
        "504 though started": Scenario(app(GOOD, start=always(LATE), listed=run_of)),
        "dropped though started": Scenario(app(GOOD, start=always(Drop()), listed=run_of), CHANGE),
        "504 and not started": Scenario(app(GOOD, start=always(LATE), listed=lambda _: [])),
        "504 beside an older run": Scenario(
            app(GOOD, start=always(LATE), listed=lambda s: run_of(s, **EARLIER)), CHANGE
        ),
        "504 beside another run": Scenario(
            app(GOOD, start=always(LATE), listed=lambda s: run_of(s, mode="plan")), CHANGE
        ),
        "504 for one table": Scenario(
            app(GOOD, start=always(LATE), listed=run_of), {**CHANGE, "RouteTable": [TABLE + "one"]}
        ),
        "503 and a list that fails": Scenario(app(GOOD, start=always(HTML)), SHORT),
        "restarted": Scenario(
            app(GOOD, listed=lambda _: [{"runId": RUN, "changeId": JOB} | EARLIER]), job_id=JOB
        ),
        "job": Scenario(app(GOOD, listed=lambda _: []), job_id=JOB),
        "job that asks for one table": Scenario(
            app(GOOD, listed=lambda _: [{"runId": "another", "changeId": JOB}]),
            {"RouteTable": [TABLE + "one"]},
            job_id=JOB,
        ),
        # what the run came to
        "fails": Scenario(app(BAD)),
        "fails as a whole": Scenario(
            app(report("Failed", error={"code": "TagUnavailable", "message": "no tag"}))
        ),
        "nonsense": Scenario(app(report("Succeeded", outcomes=["?"]))),
        "waits": Scenario(app(WAITING)),
        "waits and fails": Scenario(app(WAITING), {"FailOnPlanned": True}),
        # alerts
        "alert": Scenario(
            app(GOOD, path="/api/alerts", start=lambda s, _: started(s)),
            {"WebhookData": json.dumps({"WebhookName": "hook", "RequestBody": ALERT})},
        ),
        "alert again": Scenario(
            app(
                GOOD,
                path="/api/alerts",
                start=lambda s, _: LATE if s.count("POST", "/api/alerts") == 1 else started(s),
            ),
            {"WebhookData": {"WebhookName": "hook", "RequestBody": ALERT}},
        ),
        "alert as Automation writes it": Scenario(
            app(GOOD, path="/api/alerts", start=lambda s, _: started(s)),
            {
                "WebhookData": f"{{WebhookName:hook,RequestBody:{ALERT},"
                "RequestHeader:{Connection:Keep-Alive,Host:x}}"
            },
        ),
        "alert ignored": Scenario(
            app(
                path="/api/alerts",
                start=always(Reply(202, {"status": "ignored", "ignored": "it concerns no table"})),
            ),
            {"WebhookData": {"RequestBody": ALERT}},
        ),
        "alert and more": Scenario(app(GOOD), {"WebhookData": {"RequestBody": "{}"}, "Plan": True}),
        "no alert": Scenario(app(GOOD), {"WebhookData": "{WebhookName:x,RequestHeader:{}}"}),
        # the managed identity
        "automation": Scenario(
            identity("/msi", header="secret-header"),
            {"Audience": "api://app", "ClientId": "an-identity"},
            environment={"IDENTITY_ENDPOINT": "{url}/msi", "IDENTITY_HEADER": "secret-header"},
        ),
        "hybrid worker": Scenario(
            identity("/metadata/identity/oauth2/token"),
            {"Audience": "api://app"},
            environment={"AZURE_POD_IDENTITY_AUTHORITY_HOST": "{url}"},
        ),
        "no such identity": Scenario(
            app(),
            {"Audience": "api://app", "ClientId": "nobody"},
            environment={"AZURE_POD_IDENTITY_AUTHORITY_HOST": "{url}"},
        ),
        "azure arc": Scenario(
            app(GOOD),
            {"Audience": "api://app"},
            environment={"IDENTITY_ENDPOINT": "{url}/metadata/identity/oauth2/token"},
        ),
        "what if": Scenario(app(GOOD), {"WhatIf": True}),
    }


def identity(path: str, header: str | None = None) -> Script:
    """The identity's endpoint is away at first, as the metadata service is while it is updated."""
    then = app(GOOD)

    def answer(server: Scripted, seen: Seen) -> Effect:
        if seen.path != path:
            return then(server, seen)
        if seen.headers.get("metadata") != "true":
            return Reply(400)
        if seen.headers.get("x-identity-header") != header:
            return Reply(401)
        return Reply(410) if server.count("GET", path) == 1 else Reply(200, {"access_token": TOKEN})

    return answer
