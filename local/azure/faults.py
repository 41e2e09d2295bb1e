"""Faults on demand: the requests that they hit, and their effects.

Each effect is one class here. `/simulator/faults` takes and shows faults as JSON, by `kind`.
"""

import asyncio
import json
import random
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from .call import Call
from .operations import Fate
from .service_tags import TAG_KINDS, with_tag

STATUSES = (429, 500, 502, 503, 504)
_LINK_HEADERS = {"azure-asyncoperation", "location"}


class ConnectionDropped(Exception):
    """The connection is to be closed without an answer."""


class Effect(BaseModel):
    """The effect on a request. `before` may answer instead of Azure, and `after` may change
    Azure's answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    async def before(self, call: Call) -> Response | None:
        return None

    async def after(self, call: Call, response: Response) -> Response:
        return response


class Refuse(Effect):
    """Answers with an error, either before the request takes effect or after it."""

    kind: Literal["refuse"] = "refuse"
    status: int
    body: Any = None
    """JSON, or text that is no JSON. Without a body, the answer is a front door's HTML page."""
    headers: dict[str, str] = {}
    effected: bool = False

    async def before(self, call: Call) -> Response | None:
        return None if self.effected else self._answer()

    async def after(self, call: Call, response: Response) -> Response:
        return self._answer() if self.effected else response

    def _answer(self) -> Response:
        if self.body is None:
            page = f"<html><body><h1>{self.status}</h1>The request failed.</body></html>"
            return Response(page, self.status, self.headers, "text/html")
        if isinstance(self.body, str):
            return Response(self.body, self.status, self.headers, "application/json")
        return JSONResponse(self.body, self.status, self.headers)


def _error(code: str) -> dict[str, Any]:
    return {"code": code, "message": "An error occurred.", "details": []}


LOST_SIGHT = Refuse(status=404, body={"error": {"code": "ResourceNotFound", "message": "?"}})
"""The gateway does not find a resource that is there."""
WRONG_POLLS = (
    Refuse(status=404, body={"error": _error("NotFound")}),
    Refuse(status=200, body=""),
    Refuse(status=202, body=""),
    Refuse(status=200, body="[]"),
    Refuse(status=200, body={"status": "Failed"}),
    Refuse(
        status=200,
        body={"status": "Failed", "error": _error("NetworkingInternalOperationError")},
    ),
    Refuse(status=401, body={"error": _error("InvalidAuthenticationToken")}),
    Refuse(status=401, body=""),
    Refuse(status=403, body={"error": _error("AuthorizationFailed")}),
)
"""Answers that people got to a poll while the write was good, from public reports."""


class Drop(Effect):
    """Drops the connection, either before the request takes effect or after it."""

    kind: Literal["drop"] = "drop"
    effected: bool = False

    async def before(self, call: Call) -> Response | None:
        if self.effected:
            return None
        raise ConnectionDropped

    async def after(self, call: Call, response: Response) -> Response:
        raise ConnectionDropped


class Delay(Effect):
    kind: Literal["delay"] = "delay"
    seconds: float

    async def before(self, call: Call) -> Response | None:
        await asyncio.sleep(self.seconds)
        return None


class FailOperation(Effect):
    """Accepts the write and lets its operation fail. Then the resource is `Failed`."""

    kind: Literal["failOperation"] = "failOperation"
    code: str = "InternalServerError"
    message: str = "An error occurred."
    reverts: bool = False
    """If true, the resource returns to its state before the write. Otherwise the write stays."""

    async def before(self, call: Call) -> Response | None:
        error = {"code": self.code, "message": self.message, "details": []}
        call.fate = Fate(error=error, reverts=self.reverts)
        return None


class HangOperation(Effect):
    """Accepts the write and never ends its operation. The resource stays `Updating`."""

    kind: Literal["hangOperation"] = "hangOperation"

    async def before(self, call: Call) -> Response | None:
        call.fate = Fate(hangs=True)
        return None


class ServeStale(Effect):
    """Answers a read or a list with the state before the last write."""

    kind: Literal["serveStale"] = "serveStale"

    async def before(self, call: Call) -> Response | None:
        call.stale = True
        return None


class LoseRace(Effect):
    """Lets somebody else write the resource first, so that its ETag and content have changed."""

    kind: Literal["loseRace"] = "loseRace"

    async def before(self, call: Call) -> Response | None:
        call.state.written_by_another(call.target.parent.key)
        return None


class ExpireToken(Effect):
    """Lets the token of this request expire, for this and every later request."""

    kind: Literal["expireToken"] = "expireToken"

    async def before(self, call: Call) -> Response | None:
        call.state.identities.expire(call.request.headers)
        return None


class HalfPage(Effect):
    """Leaves out the second half of a list and the link to the next page."""

    kind: Literal["halfPage"] = "halfPage"

    async def after(self, call: Call, response: Response) -> Response:
        if response.status_code != 200:
            return response
        body = json.loads(bytes(response.body))
        for key in {"value", "values", "data"} & set(body):
            body[key] = body[key][: len(body[key]) // 2]
        for link in ("nextLink", "$skipToken"):
            body.pop(link, None)
        return _with_body(response, json.dumps(body).encode())


class RepeatPage(Effect):
    """Lets a page of a list name itself as the next page."""

    kind: Literal["repeatPage"] = "repeatPage"

    async def after(self, call: Call, response: Response) -> Response:
        body = json.loads(bytes(response.body))
        if "$skipToken" in body:
            body["$skipToken"] = call.json()["options"].get("$skipToken", body["$skipToken"])
        else:
            body["nextLink"] = str(call.request.url)
        return _with_body(response, json.dumps(body).encode())


class PointElsewhere(Effect):
    """Lets every link of the answer lead to another origin, such as `https://example.org`."""

    kind: Literal["pointElsewhere"] = "pointElsewhere"
    origin: str

    async def after(self, call: Call, response: Response) -> Response:
        for name in _LINK_HEADERS & set(response.headers):
            response.headers[name] = response.headers[name].replace(call.origin, self.origin)
        if call.request.method != "GET":
            return response
        body = bytes(response.body).replace(call.origin.encode(), self.origin.encode())
        return _with_body(response, body)


class Truncate(Effect):
    """Sends the first half of the body as if it were the whole body."""

    kind: Literal["truncate"] = "truncate"

    async def after(self, call: Call, response: Response) -> Response:
        return _with_body(response, bytes(response.body)[: len(response.body) // 2])


class LoseTag(Effect):
    """Leaves the service tag out of the answer."""

    kind: Literal["loseTag"] = "loseTag"

    async def after(self, call: Call, response: Response) -> Response:
        return _with_tag(call, response, lambda _prefixes: None)


class ShrinkTag(Effect):
    """Keeps only this share of the service tag's prefixes."""

    kind: Literal["shrinkTag"] = "shrinkTag"
    share: float = Field(0.5, ge=0, le=1)

    async def after(self, call: Call, response: Response) -> Response:
        return _with_tag(
            call, response, lambda prefixes: prefixes[: int(len(prefixes) * self.share)]
        )


type AnyEffect = Annotated[
    Refuse
    | Drop
    | Delay
    | FailOperation
    | HangOperation
    | ServeStale
    | LoseRace
    | ExpireToken
    | HalfPage
    | RepeatPage
    | PointElsewhere
    | Truncate
    | LoseTag
    | ShrinkTag,
    Field(discriminator="kind"),
]


class InjectedFault(BaseModel):
    """Hits the requests with this method and a path that contains the pattern, ignoring case.

    The first `skip` of these requests pass unharmed, and the next `times` are hit.
    """

    model_config = ConfigDict(extra="forbid")

    method: str
    path: str
    effect: AnyEffect
    times: int = 1
    skip: int = 0

    def takes(self, method: str, path: str) -> bool:
        """Return whether the fault hits this request, and count the request."""
        if self.times < 1 or self.method != method:
            return False
        if not re.search(self.path, path, re.IGNORECASE):
            return False

        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


async def met(call: Call, answer: Callable[[], Response]) -> Response:
    """Return the answer. If a fault hits the request, the fault may change it."""
    method, path = call.request.method, call.request.url.path
    hits = (fault for fault in call.state.faults if fault.takes(method, path))
    fault = next(hits, None)
    if fault is None:
        return answer()
    response = await fault.effect.before(call)
    if response is None:
        response = answer()
    return await fault.effect.after(call, response)


def refusal(
    method: str,
    path: str,
    status: int,
    body: object,
    *,
    times: int = 1,
    effected: bool = False,
    headers: dict[str, str] | None = None,
) -> InjectedFault:
    effect = Refuse(status=status, body=body, effected=effected, headers=headers or {})
    return InjectedFault(method=method, path=path, effect=effect, times=times)


def schedule(seed: int, count: int) -> list[InjectedFault]:
    """Draw faults. The same seed gives the same faults; the requests decide what they hit."""
    rng = random.Random(seed)  # noqa: S311
    faults = []
    for _ in range(count):
        draw = _MENU[rng.randrange(len(_MENU))]
        faults.append(draw(rng))
    return faults


def _fault(rng: random.Random, effect: AnyEffect, *targets: tuple[str, str]) -> InjectedFault:
    method, path = rng.choice(targets)
    return InjectedFault(
        method=method, path=path, effect=effect, skip=rng.randrange(6), times=rng.randint(1, 3)
    )


_TABLE = r"/routeTables/[^/]+$"
_TAGS = r"/(serviceTags|serviceTagDetails)$"
_READS = (("GET", _TABLE), ("GET", _TAGS), ("GET", "/operations/"))
_WRITES = (("PUT", _TABLE),)
_POLLS = (("GET", "/operations/"),)
_NOBODY = "https://nobody.invalid"


def _refused(rng: random.Random) -> InjectedFault:
    retry_after = rng.choice((None, "1", "31"))
    server_error = {"error": {"code": "ServerTimeout", "message": "Try later."}}
    effect = Refuse(
        status=rng.choice(STATUSES),
        body=rng.choice((None, server_error)),
        headers={} if retry_after is None else {"Retry-After": retry_after},
        effected=rng.random() < 0.5,
    )
    return _fault(rng, effect, *_READS, *_WRITES)


def _failed_operation(rng: random.Random) -> FailOperation:
    code = rng.choice(("InternalServerError", "NetworkingInternalOperationError", "NotKnownYet"))
    return FailOperation(code=code, reverts=rng.random() < 0.5)


_MENU: tuple[Callable[[random.Random], InjectedFault], ...] = (
    _refused,
    lambda rng: _fault(rng, Drop(effected=rng.random() < 0.5), *_READS, *_WRITES),
    lambda rng: _fault(rng, Delay(seconds=rng.choice((0.05, 0.2))), *_READS, *_WRITES),
    lambda rng: _fault(rng, rng.choice(WRONG_POLLS), *_POLLS),
    lambda rng: _fault(rng, _failed_operation(rng), *_WRITES),
    lambda rng: _fault(rng, HangOperation(), *_WRITES),
    lambda rng: _fault(rng, ServeStale(), ("GET", _TABLE)),
    lambda rng: _fault(rng, LOST_SIGHT, ("GET", _TABLE)),
    lambda rng: _fault(rng, LoseRace(), *_WRITES),
    lambda rng: _fault(rng, ExpireToken(), *_READS, *_WRITES),
    lambda rng: _fault(rng, HalfPage(), ("GET", _TAGS)),
    lambda rng: _fault(rng, RepeatPage(), ("GET", _TAGS)),
    lambda rng: _fault(rng, PointElsewhere(origin=_NOBODY), ("GET", _TAGS), *_WRITES),
    lambda rng: _fault(rng, Truncate(), *_READS),
    lambda rng: _fault(rng, LoseTag(), ("GET", _TAGS)),
    lambda rng: _fault(rng, ShrinkTag(share=rng.choice((0, 0.5, 0.8))), ("GET", _TAGS)),
)


def _with_body(response: Response, body: bytes) -> Response:
    headers = {k: v for k, v in response.headers.items() if k != "content-length"}
    return Response(body, response.status_code, headers)


def _with_tag(
    call: Call, response: Response, change: Callable[[list[str]], list[str] | None]
) -> Response:
    if response.status_code != 200 or call.target.kind not in TAG_KINDS:
        return response
    body = with_tag(json.loads(bytes(response.body)), change)
    return _with_body(response, json.dumps(body).encode())
