"""Faults on demand: which requests they meet, and what they do to them.

Each fault is one class here; `/simulator/faults` takes and shows them as JSON, by `kind`.
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


class ConnectionDropped(Exception):
    """Close the connection without an answer."""


class Effect(BaseModel):
    """What becomes of a request. `before` may answer in the place of Azure, `after` change it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    async def before(self, call: Call) -> Response | None:
        return None

    async def after(self, call: Call, response: Response) -> Response:
        return response


class Refuse(Effect):
    """Answer with an error, before anything has happened or after all has."""

    kind: Literal["refuse"] = "refuse"
    status: int
    body: Any = None
    """JSON, or as text what is none; without it a body as a front door sends it."""
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


class Drop(Effect):
    """Drop the connection, before anything has happened or after all has."""

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
    """Let the write be accepted and its operation fail; the resource is `Failed` then."""

    kind: Literal["failOperation"] = "failOperation"
    code: str = "InternalServerError"
    message: str = "An error occurred."
    reverts: bool = False
    """Whether the resource is then as it was before the write, or as it was to be."""

    async def before(self, call: Call) -> Response | None:
        error = {"code": self.code, "message": self.message, "details": []}
        call.fate = Fate(error=error, reverts=self.reverts)
        return None


class HangOperation(Effect):
    """Let the write be accepted and its operation never end; the resource stays `Updating`."""

    kind: Literal["hangOperation"] = "hangOperation"

    async def before(self, call: Call) -> Response | None:
        call.fate = Fate(hangs=True)
        return None


class ServeStale(Effect):
    """Answer a read or a list with what stood before the last write."""

    kind: Literal["serveStale"] = "serveStale"

    async def before(self, call: Call) -> Response | None:
        call.stale = True
        return None


class LoseRace(Effect):
    """Let somebody else write the resource just before: the ETag is another, and so the content."""

    kind: Literal["loseRace"] = "loseRace"

    async def before(self, call: Call) -> Response | None:
        call.state.written_by_another(call.target.parent.key)
        return None


class ExpireToken(Effect):
    """Let the token of this request have run out, for this and every later request."""

    kind: Literal["expireToken"] = "expireToken"

    async def before(self, call: Call) -> Response | None:
        call.state.identities.expire(call.request.headers)
        return None


class HalfPage(Effect):
    """Leave out the second half of a list, and the link to what follows."""

    kind: Literal["halfPage"] = "halfPage"

    async def after(self, call: Call, response: Response) -> Response:
        if response.status_code != 200:
            return response
        body = json.loads(bytes(response.body))
        for key in {"value", "values"} & set(body):
            body[key] = body[key][: len(body[key]) // 2]
        body.pop("nextLink", None)
        return _with_body(response, json.dumps(body).encode())


class Truncate(Effect):
    """Send the first half of the body as if it were the whole."""

    kind: Literal["truncate"] = "truncate"

    async def after(self, call: Call, response: Response) -> Response:
        return _with_body(response, bytes(response.body)[: len(response.body) // 2])


class LoseTag(Effect):
    """Leave the service tag out of the answer."""

    kind: Literal["loseTag"] = "loseTag"

    async def after(self, call: Call, response: Response) -> Response:
        return _with_tag(call, response, lambda _prefixes: None)


class ShrinkTag(Effect):
    """Leave out all but this share of the service tag's prefixes."""

    kind: Literal["shrinkTag"] = "shrinkTag"
    share: float = Field(0.5, ge=0, le=1)

    async def after(self, call: Call, response: Response) -> Response:
        return _with_tag(call, response, lambda found: found[: int(len(found) * self.share)])


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
    | Truncate
    | LoseTag
    | ShrinkTag,
    Field(discriminator="kind"),
]


class Fault(BaseModel):
    """Meets the requests of this method whose path the pattern is found in, without regard to case.

    The first `skip` of them pass unharmed, the next `times` do not.
    """

    model_config = ConfigDict(extra="forbid")

    method: str
    path: str
    effect: AnyEffect
    times: int = 1
    skip: int = 0

    def takes(self, method: str, path: str) -> bool:
        if self.times < 1 or self.method != method or not re.search(self.path, path, re.IGNORECASE):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


async def met(call: Call, answer: Callable[[], Response]) -> Response:
    """The answer, or what the fault that is in store for the request makes of it."""
    method, path = call.request.method, call.request.url.path
    fault = next((f for f in call.state.faults if f.takes(method, path)), None)
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
) -> Fault:
    effect = Refuse(status=status, body=body, effected=effected, headers=headers or {})
    return Fault(method=method, path=path, effect=effect, times=times)


def schedule(seed: int, count: int) -> list[Fault]:
    """The same faults for the same seed; what they meet depends on the requests alone."""
    rng = random.Random(seed)  # noqa: S311
    return [_MENU[rng.randrange(len(_MENU))](rng) for _ in range(count)]


def _fault(rng: random.Random, effect: AnyEffect, *targets: tuple[str, str]) -> Fault:
    method, path = rng.choice(targets)
    return Fault(
        method=method, path=path, effect=effect, skip=rng.randrange(6), times=rng.randint(1, 3)
    )


_TABLE = r"/routeTables/[^/]+$"
_TAGS = r"/(serviceTags|serviceTagDetails)$"
_READS = (("GET", _TABLE), ("GET", _TAGS), ("GET", "/operations/"))
_WRITES = (("PUT", _TABLE),)


def _refused(rng: random.Random) -> Fault:
    retry_after = rng.choice((None, "1", "31"))
    effect = Refuse(
        status=rng.choice(STATUSES),
        body=rng.choice((None, {"error": {"code": "ServerTimeout", "message": "Try later."}})),
        headers={} if retry_after is None else {"Retry-After": retry_after},
        effected=rng.random() < 0.5,
    )
    return _fault(rng, effect, *_READS, *_WRITES)


_MENU: tuple[Callable[[random.Random], Fault], ...] = (
    _refused,
    lambda rng: _fault(rng, Drop(effected=rng.random() < 0.5), *_READS, *_WRITES),
    lambda rng: _fault(rng, Delay(seconds=rng.choice((0.05, 0.2))), *_READS, *_WRITES),
    lambda rng: _fault(rng, FailOperation(reverts=rng.random() < 0.5), *_WRITES),
    lambda rng: _fault(rng, HangOperation(), *_WRITES),
    lambda rng: _fault(rng, ServeStale(), ("GET", _TABLE)),
    lambda rng: _fault(rng, LoseRace(), *_WRITES),
    lambda rng: _fault(rng, ExpireToken(), *_READS, *_WRITES),
    lambda rng: _fault(rng, HalfPage(), ("GET", _TAGS)),
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
