"""The host's own container in blob storage, by plain requests: the app has no library for blobs."""

from collections.abc import Mapping
from http import HTTPStatus

import httpx
from azure.storage.queue import Services, generate_account_sas

CONTAINER = "azure-webjobs-hosts"
LEASE_SECONDS = 60

_EXPIRY = "2100-01-01T00:00:00Z"
"""The access lasts as long as the process, whatever the clock is set to."""
_CREATE_ONLY = {"If-None-Match": "*"}


class BlobError(Exception):
    """Blob storage refused a request or did not answer. The text has no key."""


class Blobs:
    def __init__(self, connection_string: str) -> None:
        given = dict(part.split("=", 1) for part in connection_string.split(";") if part)
        account = given["AccountName"]
        suffix = given.get("EndpointSuffix", "core.windows.net")
        self._url = given.get("BlobEndpoint", f"https://{account}.blob.{suffix}")

        key = generate_account_sas(
            account,
            given["AccountKey"],
            resource_types="sco",
            permission="rwdlc",
            expiry=_EXPIRY,
            services=Services(blob=True),
        )

        self._client = httpx.AsyncClient(
            params=httpx.QueryParams(key),
            verify=self._url.startswith("https:"),  # Azurite needs no certificates
            trust_env=False,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def read(self, name: str) -> str | None:
        answer = await self._send("GET", name)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        return _checked(answer).text

    async def write(self, name: str, text: str) -> None:
        await self._create_container()
        _checked(await self._put(name, text, {}))

    async def acquire(self, name: str) -> str | None:
        """Return the id of a new lease, or None if another has one."""
        await self._create_container()
        created = await self._put(name, "", _CREATE_ONLY)
        if created.status_code not in {HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED}:
            _checked(created)  # in the other cases, the blob is there already

        answer = await self._lease(name, "acquire", {"x-ms-lease-duration": str(LEASE_SECONDS)})
        if answer.status_code == HTTPStatus.CONFLICT:
            return None
        return _checked(answer).headers["x-ms-lease-id"]

    async def renew(self, name: str, lease: str) -> None:
        _checked(await self._lease(name, "renew", {"x-ms-lease-id": lease}))

    async def release(self, name: str, lease: str) -> None:
        _checked(await self._lease(name, "release", {"x-ms-lease-id": lease}))

    async def _create_container(self) -> None:
        answer = await self._send("PUT", "", query={"restype": "container"})
        if answer.status_code != HTTPStatus.CONFLICT:
            _checked(answer)

    async def _put(self, name: str, text: str, headers: Mapping[str, str]) -> httpx.Response:
        kind = {"x-ms-blob-type": "BlockBlob"}
        return await self._send("PUT", name, headers={**kind, **headers}, content=text)

    async def _lease(self, name: str, action: str, headers: Mapping[str, str]) -> httpx.Response:
        action_header = {"x-ms-lease-action": action}
        return await self._send(
            "PUT", name, query={"comp": "lease"}, headers={**action_header, **headers}
        )

    async def _send(
        self,
        method: str,
        name: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: str | None = None,
    ) -> httpx.Response:
        url = f"{self._url}/{CONTAINER}/{name}".rstrip("/")
        try:
            return await self._client.request(
                method, url, params=query, headers=headers, content=content
            )
        except httpx.TransportError as error:
            raise BlobError(f"{method} {name}: {type(error).__name__}") from error


def _checked(answer: httpx.Response) -> httpx.Response:
    if not answer.is_success:
        request = answer.request
        raise BlobError(f"{request.method} {request.url.path}: HTTP {answer.status_code}")
    return answer
