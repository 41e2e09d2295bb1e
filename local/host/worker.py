"""Microsoft's worker library: it indexes the function app and invokes its functions."""

import json
import os
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime
from azure_functions_runtime.bindings.datumdef import Datum
from azure_functions_runtime.native_invocation import invocation_request_native

from .config import HostError


class InvocationFailed(Exception):
    """A function raised; the text is its traceback."""


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    function_id: str
    bindings: Sequence[Mapping[str, Any]]

    @property
    def trigger(self) -> Mapping[str, Any]:
        return next(binding for binding in self.bindings if binding["type"].endswith("Trigger"))

    def output(self, name: str) -> Mapping[str, Any]:
        return next(binding for binding in self.bindings if binding["name"] == name)


@dataclass(frozen=True, slots=True)
class Result:
    returned: Datum | None
    outputs: Sequence[tuple[str, Datum]]


class _Messages:
    """Replaces the generated protobuf module. Every message is a plain namespace."""

    class StatusResult(SimpleNamespace):
        Success = "success"
        Failure = "failure"

    class BindingInfo(SimpleNamespace):
        out = 1
        inout = 2
        undefined = None

    def __getattr__(self, name: str) -> type[SimpleNamespace]:
        return SimpleNamespace


async def load(root: Path) -> list[Function]:
    """Index `function_app.py`, once for each process. Raise HostError if that fails."""
    sys.path.insert(0, str(root))
    os.chdir(root)
    runtime.start_threadpool_executor()
    await _initialise(root)

    metadata = await runtime.functions_metadata_request(None)
    return [_function(result) for result in metadata.function_metadata_results]


async def _initialise(root: Path) -> None:
    messages = _Messages()
    init = SimpleNamespace(capabilities={}, function_app_directory=str(root))
    request = SimpleNamespace(
        request=SimpleNamespace(worker_init_request=init),
        properties={"host": "127.0.0.1", "protos": messages},
    )
    answer = await runtime.worker_init_request(request)
    if answer.result.status != messages.StatusResult.Success:
        raise HostError(answer.result.exception.message)


def _function(metadata: Any) -> Function:
    bindings = [json.loads(text) for text in metadata.raw_bindings]
    return Function(metadata.name, metadata.function_id, bindings)


async def invoke(
    function: Function, value: Datum, metadata: Mapping[str, Datum] | None = None
) -> Result:
    """Raise InvocationFailed if the function raised."""
    inputs = [(function.trigger["name"], value)]
    succeeded, returned, outputs, error, trace = await invocation_request_native(
        str(uuid.uuid4()), function.function_id, inputs, metadata or {}
    )
    if not succeeded:
        raise InvocationFailed(trace or error)
    return Result(returned, outputs)
