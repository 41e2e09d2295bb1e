"""Which scenario a recording is played in: a new one of a known sort needs nothing new."""

from collections.abc import Callable

import httpx

from local.azure.server import SimulatedAzure

from .answers import ANSWERS
from .recorded import Recording
from .refusals import REFUSALS

type Scenario = Callable[[SimulatedAzure, Recording], httpx.Response]


def scenario_of(recorded: Recording) -> Scenario | None:
    target = recorded.target
    if target is None or not recorded.status:
        return None
    if recorded.code is not None:
        return REFUSALS.get(recorded.code)
    listed = "list" if target.is_collection else "item"
    return ANSWERS.get((recorded.method, target.kind.lower(), listed, recorded.status))


def why_none(recorded: Recording) -> str:
    """Why the simulated Azure does not cover it."""
    if not recorded.status:
        return "an event that Azure sends, not an answer"
    if recorded.code is not None:
        return f"{recorded.code} is no error of what is simulated"
    if recorded.target is None:
        return "a published file, not an answer of Azure Resource Manager"
    return f"{recorded.method} {recorded.target.kind} with {recorded.status} is not simulated"
