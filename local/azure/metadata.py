"""`/metadata/endpoints`: the addresses of a cloud, which a client needs before it signs in.

The Azure CLI (`az cloud register --endpoint-resource-manager`) expects one object.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .identity import TENANT


async def endpoints(request: Request) -> Response:
    origin = f"{request.url.scheme}://{request.url.netloc}"
    authentication = {
        "loginEndpoint": origin,
        "audiences": [origin],
        "tenant": TENANT,
        "identityProvider": "AAD",
    }

    return JSONResponse(
        {
            "name": "Simulated",
            "resourceManager": origin,
            "portal": origin,
            "authentication": authentication,
            "suffixes": {"storage": "core.windows.net", "keyVaultDns": "vault.azure.net"},
            "gallery": origin,
            "graph": origin,
            "graphAudience": origin,
            "batch": origin,
        }
    )
