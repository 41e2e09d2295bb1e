"""The first contact with storage and with Azure.

A person who types a command wants to know within seconds if one of them cannot be used. Later, the
same errors are more likely to pass, and a run has more patience.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from urllib.parse import urlsplit

from .. import app as wiring
from ..app import App
from ..arm.errors import arm_errors
from ..arm.route_limits import usages_url
from ..domain import codes
from ..domain.errors import RouteSyncError, TransientError
from ..domain.findings import Finding

PATIENCE_SECONDS = 9.0
"""For storage, and again for Azure Resource Manager, each with a token. azure-identity gives the
Azure CLI ten seconds for one, and nothing bounds the search for a name.
"""

CUT_OFF = frozenset(
    {
        codes.CREDENTIAL_UNAVAILABLE,
        codes.HOST_NOT_FOUND,
        codes.HOST_UNREACHABLE,
        codes.TLS_FAILED,
        codes.PROXY_REFUSED,
        codes.STORAGE_ROLE_MISSING,
        codes.STORAGE_NETWORK_REFUSED,
        codes.STORAGE_ACCESS_REFUSED,
    }
)
"""No other table of a run would get further than the one that has met one of these."""
_ONE_ATTEMPT = {"retry_total": 0, "connection_timeout": 5.0}
"""A connection takes no longer, and a second attempt would take too long for whoever waits."""
_NO_CONTACT = CUT_OFF | {codes.NO_ANSWER, codes.SIGN_IN_FAILED}


def app() -> App:
    """Return the one App of this process. Raise what is wrong with storage."""
    return _in_time(wiring.app, lambda: Finding(codes.STORAGE_UNAVAILABLE, _late("storage")))


def app_with_azure() -> App:
    """Return the App after Azure Resource Manager has answered. Raise TransientError if it does
    not, or if it does not accept the identity that is signed in here.
    """
    context = app()
    ask_azure(context)
    return context


def ask_azure(context: App) -> None:
    """Raise what `app_with_azure` raises."""
    _in_time(lambda: _ask_azure(context), lambda: _late_azure(context))


def _ask_azure(context: App) -> None:
    error = _refusal(context)
    # The next request signs in anew, because the first token may have been an old one.
    if error is not None and error.code == codes.SIGN_IN_FAILED:
        error = _refusal(context)
    if error is not None:
        raise error


def _refusal(context: App) -> RouteSyncError | None:
    """Read something small that each identity may read. Return the error if nothing can be read.

    Any other error is an answer of Azure, and the command itself may say more about it.
    """
    clients, settings = context.clients, context.settings
    where = settings.service_tag_subscription_id, settings.service_tag_locations[0]
    try:
        with arm_errors():
            clients.get(usages_url(clients, *where), **_ONE_ATTEMPT)
    except RouteSyncError as error:
        return error if error.code in _NO_CONTACT else None
    return None


def _late_azure(context: App) -> Finding:
    if not context.identity.is_signed_in:
        return Finding(codes.CREDENTIAL_UNAVAILABLE, _late("signing in"))
    host = urlsplit(context.settings.arm_endpoint or context.settings.cloud.arm_endpoint).netloc
    return Finding(codes.HOST_UNREACHABLE, _late(f"Azure Resource Manager ({host})"))


def _late(what: str) -> str:
    return f"{what} has given no answer within {PATIENCE_SECONDS:g} s"


def _in_time[T](question: Callable[[], T], late: Callable[[], Finding]) -> T:
    """Ask in a thread of its own, because a name, a proxy or the Azure CLI can take any time.

    Raise the error of the question, or TransientError if there is no answer in time.
    """
    answer = Future[T]()
    in_context = partial(copy_context().run, _answer, answer, question)
    threading.Thread(target=in_context, daemon=True).start()
    try:
        return answer.result(PATIENCE_SECONDS)
    except TimeoutError:
        found = late()
        raise TransientError(found.code, found.message) from None


def _answer[T](answer: Future[T], question: Callable[[], T]) -> None:
    try:
        found = question()
    except BaseException as error:  # whoever waits has to hear of any end
        answer.set_exception(error)
    else:
        answer.set_result(found)
