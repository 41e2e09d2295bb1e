"""Each function's part of the API's description, which stands beside the function itself.

The rest follows from the function: its query parameters, the keys of its body, and the errors that
every function of its kind can answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import azure.functions as func

from .. import shapes
from ..bodies import Body
from ..http import Query
from .shell import Endpoint


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a function that is no error: what it means, and the type of its body.

    `headers` are always there, and `sometimes` are those that need not be. If the caller can choose
    another media type, `also` has the type of its body.
    """

    meaning: str
    shape: Any = None
    media: str = "application/json"
    headers: tuple[str, ...] = ()
    sometimes: tuple[str, ...] = ()
    also: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shapes(self) -> Mapping[str, Any]:
        """The type of the body in each media type."""
        return {self.media: self.shape, **self.also} if self.shape is not None else {}


STARTED = Answer("The run has begun.", shapes.Started, headers=("Location", "Retry-After"))
ERROR = Answer("Why there is no better answer.", shapes.Error)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path below `/api/`, and the function of `function_app.py` that serves it.

    `errors` are the statuses that not every function of its kind answers, and `error` shows each
    error. `body` is the model that parses the body. If anything may be sent, `takes` are the media
    types that senders use. If tokens are required, a function in which people `can_sign_in` takes
    a token alone.
    """

    function: str
    method: str
    path: str
    summary: str
    answers: Mapping[int, Answer]
    body: type[Body] | None = None
    errors: tuple[int, ...] = ()
    error: Answer = ERROR
    takes: tuple[str, ...] = ()
    query: type[Query] | None = None
    operation_id: str = ""
    needs_key: bool = True
    needs_token: bool = True
    can_sign_in: bool = False
    endpoint: object = None


OPERATIONS: list[Operation] = []
"""In the order in which the description shows them."""


def described[F: Callable[..., func.HttpResponse]](*operations: Operation) -> Callable[[F], F]:
    """Add these operations to the API's description. The function serves all of them."""

    def as_it_is(function: F) -> F:
        OPERATIONS.extend(_completed(operation, function) for operation in operations)
        return function

    return as_it_is


def _completed(operation: Operation, function: object) -> Operation:
    """Take from the function what the operation does not say."""
    named = replace(operation, operation_id=operation.operation_id or operation.function)
    served = replace(named, endpoint=function)
    if not isinstance(function, Endpoint):
        return replace(served, query=served.query or Query)
    return replace(served, query=served.query or function.query, needs_token=function.needs_token)
