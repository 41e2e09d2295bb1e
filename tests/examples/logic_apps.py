"""Azure Logic Apps as far as the example needs it: expressions, and Http, If and Terminate.

Nothing real can stand here, so this follows Microsoft's pages. After a 202, the Http action asks
`Location` until it answers something else, and uses the action's authentication there
(Azure/logicapps#611). Nothing says that it sends the action's headers there, so this does not.
"""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from local.plain_http import http

type Json = Any

_CALL = re.compile(r"(\w+)\((?:'(\w+)')?\)((?:\??\['\w+'\])*)")


class Terminated(Exception):
    """The workflow ended by a Terminate action."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


class LogicApp:
    def __init__(self, definition: Json, parameters: Mapping[str, str], token: str) -> None:
        self._definition = definition
        self._parameters = parameters
        self._token = token
        self._bodies: dict[str, Json] = {}

    def run(self) -> str:
        """Return the status in which the workflow ends. Raise Terminated if an action ends it."""
        return self._run_actions(self._definition["actions"])

    def _run_actions(self, actions: Json) -> str:
        """Run the actions in their order, in which each runs after the one before it."""
        for name, action in actions.items():
            match action["type"]:
                case "Http":
                    status = self._call(name, self._resolved(action["inputs"]))
                case "If":
                    holds = self._holds(action["expression"])
                    chosen = action["actions"] if holds else action["else"]["actions"]
                    status = self._run_actions(chosen)
                case "Terminate":
                    inputs = self._resolved(action["inputs"])
                    raise Terminated(inputs["runStatus"], inputs["runError"]["message"])

            # Each action runs only after the one before it has succeeded.
            if status != "Succeeded":
                return status
        return "Succeeded"

    def _call(self, name: str, inputs: Json) -> str:
        authorization = {"Authorization": f"Bearer {self._token}"}
        answer = http().request(
            inputs["method"],
            inputs["uri"],
            params=inputs["queries"],
            headers={**inputs["headers"], **authorization},
            content=json.dumps(inputs["body"]),
        )
        while answer.status_code == 202:
            time.sleep(0.05)
            answer = http().request("GET", answer.headers["Location"], headers=authorization)

        if answer.status_code >= 400:
            return "Failed"
        self._bodies[name] = answer.json()
        return "Succeeded"

    def _holds(self, condition: Json) -> bool:
        [(operator, operand)] = condition.items()
        if operator == "not":
            return not self._holds(operand)
        assert operator == "equals"
        one, other = self._resolved(operand)
        return bool(one == other)

    def _resolved(self, value: Json) -> Json:
        """Return the value with its expressions evaluated: `@…` as a whole, `@{…}` in a text."""
        if isinstance(value, Mapping):
            return {key: self._resolved(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._resolved(item) for item in value]
        if not isinstance(value, str) or "@" not in value:
            return value
        if value.startswith("@") and not value.startswith("@{"):
            return self._evaluated(value[1:])
        return re.sub(r"@\{(.+?)\}", lambda found: _text(self._evaluated(found[1])), value)

    def _evaluated(self, expression: str) -> Json:
        call = _CALL.fullmatch(expression)
        assert call, expression
        function, argument, path = call.groups()
        known: Mapping[str, Json] = {
            "parameters": self._parameters,
            "body": self._bodies,
            "workflow": {None: {"run": {"name": "08584-run"}}},
        }
        found = known[function][argument]
        for key in re.findall(r"'(\w+)'", path):
            found = (found or {}).get(key)
        return found


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)
