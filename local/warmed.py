"""The fork server imports this last, and does once what is slow only in a new process.

Python remembers for each class whether it is a `Mapping`. To find out, it asks each of the 1,500
models of the Azure SDKs, and both a call of an SDK and cattrs want to know it of many classes.
"""

import threading
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableClient

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

_STORED = (CheckReport, Ledger, Outcome, Pending, Registration, Run, Status, dict[str, Standing])


class _Nothing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def _read_and_write_once() -> None:
    # When cattrs meets a new class within another, it forgets all answers that it has given before.
    for _ in range(2):
        for kind in _STORED:
            converter().get_structure_hook(kind)
            converter().get_unstructure_hook(kind)


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
_call_once()
_ask_once()
