"""The fork server imports this last, and does once what is slow only in a new process.

Python remembers for each class whether it is a `Mapping`. To find out, it asks each of the 1,500
models of the Azure SDKs, and both a call of an SDK and cattrs want to know it of many classes.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, get_args, get_type_hints

from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableClient
from azure.mgmt.network import models as network
from azure.mgmt.web import models as web
from cattrs.errors import StructureHandlerNotFoundError

from shared.domain.locations import Standing
from shared.domain.people.check_report import CheckReport
from shared.domain.people.notices import Ledger
from shared.domain.registry.registration import Registration
from shared.domain.registry.status import Status
from shared.domain.runs.outcome import Outcome
from shared.domain.runs.pending import Pending
from shared.domain.runs.run import Run
from shared.storage.mapping import converter
from shared.transport import Transport

from .azurite import ACCOUNT, KEY
from .host.blobs import Blobs

_STORED = (CheckReport, Ledger, Outcome, Pending, Registration, Run, Status)
_MAPPINGS = (dict[str, Standing], dict)
_ANSWERS = (
    *(network.RouteTable, network.Subnet, network.SubnetPropertiesFormat),
    *(web.AppServiceEnvironment, web.AppServiceEnvironmentResource),
)


class _Nothing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def _read_and_write_once() -> None:
    # When cattrs meets a new class within another, it forgets all answers that it has given before.
    kinds = dict.fromkeys(part for kind in (*_STORED, *_MAPPINGS) for part in _parts(kind))
    for _ in range(2):
        for kind in kinds:
            converter().get_unstructure_hook(kind)
            with suppress(StructureHandlerNotFoundError):  # a part that is `None` or `...`
                converter().get_structure_hook(kind)


def _parts(kind: Any) -> Iterator[Any]:
    """Yield the type, and those of its fields and of their items: cattrs keeps no answer for a part
    of a type until it meets a value of it.
    """
    yield kind
    hints = get_type_hints(kind) if is_dataclass(kind) else {}
    for part in [hints[field.name] for field in fields(kind)] if hints else get_args(kind):
        yield from _parts(part)


def _understand_once() -> None:
    """The SDK looks for the types of a model's fields when it meets the first such model."""
    for model in _ANSWERS:
        model({})


def _call_once() -> None:
    with HTTPServer(("127.0.0.1", 0), _Nothing) as server:
        serving = threading.Thread(target=server.handle_request)
        serving.start()
        url = f"http://127.0.0.1:{server.server_port}/{ACCOUNT}"
        account = f"AccountName={ACCOUNT};AccountKey={KEY};TableEndpoint={url}"
        table = TableClient.from_connection_string(account, "any", transport=Transport())
        with suppress(HttpResponseError):
            table.get_entity("any", "any")
        table.close()
        serving.join()
        Blobs(account)


def _ask_once() -> None:
    """The app asks of a text whether it is a `Mapping`, and `Counter` asks it of what it counts."""
    for value in ("", map(str, ()), (_ for _ in ())):
        isinstance(value, Mapping)


_read_and_write_once()
_understand_once()
_call_once()
_ask_once()
