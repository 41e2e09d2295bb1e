"""`/metadata/endpoints`: what a client needs to know of a cloud before it signs in.

Read by the Azure CLI (`az cloud register --endpoint-resource-manager`) as one object.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .identity import TENANT


async def endpoints(request: Request) -> Response:
    origin = f"{request.url.scheme}://{request.url.netloc}"
    return JSONResponse(
        {
            "name": "Simulated",
            "resourceManager": origin,
            "portal": origin,
            "authentication": {
                "loginEndpoint": origin,
                "audiences": [origin],
                "tenant": TENANT,
                "identityProvider": "AAD",
            },
            "suffixes": {"storage": "core.windows.net", "keyVaultDns": "vault.azure.net"},
            "gallery": origin,
            "graph": origin,
            "graphAudience": origin,
            "batch": origin,
        }
    )
