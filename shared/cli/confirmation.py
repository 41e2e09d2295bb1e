"""Let the app say whether the settings that it has recorded still hold.

A command puts a question on the record and calls the app. The app answers by writing the record
again. So only a process that uses this storage account can answer, whatever else may stand at the
address: another app, an older version, or a gateway that remembers answers.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

import requests

from ..domain.app_record import AppRecord
from ..storage.app_record import AppRecordLog

CONNECT_SECONDS, READ_SECONDS = 5, 30
"""An app that nobody has called for a while needs some seconds to start."""
ATTEMPTS = 3
"""A process that goes on with old settings does not answer, so another one is tried."""
SECONDS_BETWEEN = 1.0

_NO_ADDRESS = "its address is not known"
_NOT_RECORDED = (
    "something answers there, but it has not recorded its settings here. Perhaps two versions run "
    "side by side for a moment, it is an older version, or it uses another storage account"
)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The record as it is after the call, and the address at which the app has confirmed it.

    If it is None, `faults` says why.
    """

    record: AppRecord | None
    address: str | None = None
    faults: str = ""


def confirm(records: AppRecordLog, addresses: Sequence[str]) -> Confirmation:
    records.ask(secrets.token_hex(8))
    faults = []
    for address in addresses:
        fault = _fault_at(records, address)
        if fault is None:
            return Confirmation(records.read(), address)
        faults.append(f"{address}: {fault}")
    return Confirmation(records.read(), faults="; ".join(faults) or _NO_ADDRESS)


def _fault_at(records: AppRecordLog, address: str) -> str | None:
    """Return why the app there has not answered the question, or None if it has."""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(SECONDS_BETWEEN)
        fault = call(address)

        # What counts is the record, even if the call itself had no answer.
        record = records.read()
        if record is not None and not record.question:
            return None
        if fault is not None:
            return fault
    return _NOT_RECORDED


def call(address: str) -> str | None:
    """Return why the app's `/api/health` did not answer, or None if it did.

    The address comes from storage, and whoever may write there chooses it. So nothing secret is
    sent: no key, no token and no password of a `.netrc`. No redirect is followed. Proxies and
    certificates are found as for Azure.
    """
    try:
        status = _status_of(f"{address}/api/health")
    except requests.RequestException as error:
        return _why(error)
    return None if status == HTTPStatus.OK else f"it answers {status}"


def _status_of(url: str) -> int:
    with requests.get(
        url,
        auth=_as_nobody,
        timeout=(CONNECT_SECONDS, READ_SECONDS),
        allow_redirects=False,
        stream=True,  # do not wait for the body of the answer
    ) as answer:
        return answer.status_code


def _as_nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Without any `auth`, requests would look for a password in `.netrc`."""
    return request


def _why(error: requests.RequestException) -> str:
    # A narrower error comes before the error that it is a kind of.
    match error:
        case requests.exceptions.SSLError():
            return "its certificate is not trusted"
        case requests.exceptions.ProxyError():
            return "the proxy does not let the call through"
        case requests.exceptions.Timeout():
            return "it does not answer in time"
        case _:
            return f"it cannot be reached ({type(error).__name__})"
