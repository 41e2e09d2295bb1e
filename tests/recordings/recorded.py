"""What Azure was recorded to answer, and whether an answer of the simulated one is the same."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from local.azure.target import Target
from tests.builders.azure import SUBSCRIPTION
from tests.builders.recorded import RECORDINGS

HEADERS = ("azure-asyncoperation", "etag", "location", "x-ms-failure-cause")
"""Those that say something; the rest is of the transport or counts something."""
NEWEST = "2025-05-01"
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Recording:
    name: str
    method: str
    path: str
    api_version: str
    request_body: Any
    request_headers: Mapping[str, str]
    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def target(self) -> Target | None:
        return Target.parse(self.path)

    @property
    def code(self) -> str | None:
        """The error's; of one that only says that it is retryable, the reason."""
        error = self.body.get("error") if isinstance(self.body, dict) else None
        if error is None or self.status < 400:
            return None
        if error["code"] == "RetryableError":
            return str(error["details"][0]["code"])
        return str(error["code"])

    @property
    def has_all_headers(self) -> bool:
        """What is transcribed from a text, or an example of a specification, names few or none."""
        return "cache-control" in self.headers or "expires" in self.headers

    @property
    def has_retry_after(self) -> bool:
        """Whether its recorder kept it: those that took it out took x-ms-request-id out too."""
        return self.has_all_headers and "x-ms-request-id" in self.headers


def recordings(folder: Path = RECORDINGS) -> list[Recording]:
    """Every file in the folder is one; there are none where it is not there."""
    return [_read(path.stem, path.read_text()) for path in sorted(folder.glob("*.json"))]


def assert_same(answer: httpx.Response, recorded: Recording) -> None:
    """Same status, same headers that matter, present and absent, and same body.

    The body is the same but for GUIDs, ETags and the wording of messages.
    """
    assert answer.status_code == recorded.status, answer.text
    for header in (*HEADERS, "retry-after"):
        kept = recorded.has_retry_after if header == "retry-after" else recorded.has_all_headers
        if header in recorded.headers:
            assert header in answer.headers, f"no {header}"
        elif kept:
            assert header not in answer.headers, f"{header} was not there"
    for header in ("azure-asyncoperation", "location"):
        if header in recorded.headers and recorded.has_all_headers:
            assert _link(answer.headers[header]) == _link(recorded.headers[header])
    if recorded.body is None:
        assert answer.content == b""
    else:
        assert masked(answer.json()) == masked(recorded.body)


def masked(value: Any, key: str = "") -> Any:
    """GUIDs, ETags and links are never the same twice; nobody goes by the wording of a message."""
    if isinstance(value, dict):
        return {k: masked(v, k) for k, v in value.items()}
    if isinstance(value, list):
        items = [masked(item) for item in value]
        # As many details as faults were found in a body; their sorts are what matters.
        return [i for n, i in enumerate(items) if key != "details" or i not in items[:n]]
    if isinstance(value, str):
        return "…" if key in ("message", "nextLink") else _GUID.sub("…", value).lower()
    return value


def _link(url: str) -> tuple[str, bool]:
    """Of a link its path, and that it names an api-version: all else is signature."""
    parts = urlsplit(url)
    return _GUID.sub("…", parts.path).lower(), "api-version" in parse_qs(parts.query)


def _read(name: str, text: str) -> Recording:
    content = json.loads(text)
    request, response = content["request"] or {}, content["response"] or {}
    url = urlsplit(request.get("url") or "")
    # In what was transcribed from a text, names stand in angle brackets.
    path = re.sub(r"<(\w+)>", lambda m: SUBSCRIPTION if m[1] == "sub" else m[1], url.path)
    [api_version] = parse_qs(url.query).get("api-version", [NEWEST])
    return Recording(
        name=name,
        method=request.get("method") or "",
        path=path,
        api_version=api_version if re.fullmatch(r"[\d-]{10}", api_version) else NEWEST,
        request_body=request.get("body"),
        request_headers=request.get("headers") or {},
        status=response.get("status") or 0,
        headers={k.lower(): v for k, v in (response.get("headers") or {}).items()},
        body=response.get("body"),
    )
