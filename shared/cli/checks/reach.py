"""Reach a host by name, TCP and TLS, through the proxy that the environment names."""

import http.client
import ipaddress
import os
import socket
import ssl
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import SplitResult, unquote, urlsplit

import certifi
from requests.utils import get_environ_proxies, select_proxy
from urllib3.util import make_headers

from .diagnosis import Diagnosis, Grade

TIMEOUT_SECONDS = 10
CLOCK_WARNING_SECONDS = 30
CLOCK_FAULT_SECONDS = 300
"""Services that validate tokens usually allow for so much."""
_REFUSED = "Tunnel connection failed"
"""The error of http.client if a proxy refuses a connection."""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Peer:
    """A host that the app talks to, and the service tag for a firewall rule, if one has it."""

    name: str
    url: str
    service_tag: str


@dataclass(slots=True)
class Clock:
    """Our clock compared with the peers' clocks; `ahead` is in seconds, None before an answer."""

    ahead: float | None = None

    def compare(self, date: str | None) -> None:
        if date is not None and self.ahead is None:
            theirs = parsedate_to_datetime(date)
            self.ahead = (datetime.now(UTC) - theirs).total_seconds()


def reach(peer: Peer, clock: Clock) -> Diagnosis:
    """Ask for an answer of any kind."""
    target = urlsplit(peer.url)
    proxy = proxy_of(peer.url)
    subject = f"network: {peer.name}"

    try:
        way = _way(_addresses(proxy or target), proxy)
        clock.compare(_date_of_answer(target, proxy))
    except (OSError, http.client.HTTPException) as error:
        return Diagnosis(subject, Grade.FAULT, *_why(error, peer, target, proxy))
    return Diagnosis(subject, Grade.OK, f"{target.hostname} {way}")


def _way(addresses: list[str], proxy: SplitResult | None) -> str:
    if proxy is not None:
        return f"through the proxy {place_of(proxy)}"
    private = all(ipaddress.ip_address(address).is_private for address in addresses)
    return f"at {', '.join(addresses)}{' (private)' if private else ''}"


def _addresses(url: SplitResult) -> list[str]:
    found = socket.getaddrinfo(url.hostname, _port(url), type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _date_of_answer(target: SplitResult, proxy: SplitResult | None) -> str | None:
    with closing(_connection(target, proxy)) as connection:
        if proxy is not None and target.scheme == "http":
            connection.request("HEAD", target.geturl(), headers=_headers(proxy))
        else:
            connection.request("HEAD", "/")

        answer = connection.getresponse()
        if answer.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            raise OSError(f"{_REFUSED}: {answer.status} {answer.reason}")
        return answer.getheader("Date")


def _connection(target: SplitResult, proxy: SplitResult | None) -> http.client.HTTPConnection:
    first = proxy or target
    host, port = first.hostname or "", _port(first)
    if target.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    context = ssl.create_default_context(cafile=_certificates())
    connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=context)
    if proxy is not None:
        connection.set_tunnel(target.hostname or "", _port(target), _headers(proxy))
    return connection


def _headers(proxy: SplitResult | None) -> dict[str, str]:
    """Return the header with which the SDKs sign in to the proxy."""
    if proxy is None or proxy.username is None:
        return {}
    signed_in = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return make_headers(proxy_basic_auth=signed_in)


def _why(
    error: Exception, peer: Peer, target: SplitResult, proxy: SplitResult | None
) -> tuple[str, str]:
    """Say what went wrong, and what to do about it."""
    host = target.hostname
    of_tag = f" (service tag {peer.service_tag})" if peer.service_tag else ""
    goal = f"{host}, TCP {_port(target)}{of_tag}"
    first, rule = host, f"ask for a firewall rule from here to {goal}"
    if proxy:
        first = f"the proxy {place_of(proxy)}"
        rule = (
            f"correct HTTPS_PROXY and HTTP_PROXY, or ask for firewall rules from here to the proxy "
            f"{proxy.hostname}, TCP {_port(proxy)}, and from the proxy to {goal}"
        )

    # A narrower error comes before the error that it is a kind of.
    match error:
        case socket.gaierror():
            remedy = "ask for an entry for this name in the DNS of this network"
            if proxy:
                remedy = "correct HTTPS_PROXY: the proxy's name is not known"
            return f"the name of {first} is not known: {error.strerror}", remedy

        case ssl.SSLCertVerificationError():
            said = f"{host} shows a certificate that is not trusted: {error.verify_message}"
            exempted = f"ask to leave {host} out of TLS inspection"
            return said, f"{exempted}, or set REQUESTS_CA_BUNDLE to the file of its authority"
        case ssl.SSLError():
            return f"TLS with {host} failed: {error.reason or error}", rule
        case OSError() if str(error).startswith(_REFUSED):
            remedy = f"ask to allow {host}, TCP {_port(target)}, at the proxy"
            if str(error).startswith(f"{_REFUSED}: 407"):
                remedy = "put the proxy's user and password into HTTPS_PROXY and HTTP_PROXY, as in "
                remedy += "http://user:password@host"
            return f"{first} refuses {host}: {error}", remedy

        case TimeoutError():
            return f"{first} does not answer within {TIMEOUT_SECONDS} s", rule
        case _:
            why = getattr(error, "strerror", None) or error
            return f"{first} cannot be reached: {why}", rule


def proxy_of(url: str) -> SplitResult | None:
    """Find it as the SDKs do: HTTPS_PROXY, HTTP_PROXY, NO_PROXY."""
    found = select_proxy(url, get_environ_proxies(url))
    if not found:
        return None
    return urlsplit(found if "://" in found else f"http://{found}")


def _certificates() -> str:
    named = (os.environ.get(name) for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))
    return next((path for path in named if path), certifi.where())


def place_of(url: SplitResult) -> str:
    return f"{url.hostname}:{_port(url)}"


def _port(url: SplitResult) -> int:
    return url.port or _PORTS[url.scheme]


def clock_finding(clock: Clock) -> Diagnosis:
    """Azure accepts a token or a signature only if the sender's clock is nearly right."""
    if clock.ahead is None:
        return Diagnosis(
            "clock", Grade.WARNING, "no host has answered, so there is nothing to compare it with"
        )
    seconds = abs(clock.ahead)
    said = f"{seconds:.0f} s {'ahead of' if clock.ahead > 0 else 'behind'} Azure's"
    if seconds <= CLOCK_WARNING_SECONDS:
        return Diagnosis("clock", Grade.OK, said)
    grade = Grade.FAULT if seconds > CLOCK_FAULT_SECONDS else Grade.WARNING
    return Diagnosis("clock", grade, said, "let NTP set the clock of this machine")
