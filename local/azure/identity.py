"""The managed identity endpoint of App Service."""

import time

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

TOKEN = "simulated-token"  # noqa: S105
HEADER = "simulated-identity-header"
LIFETIME_SECONDS = 24 * 3600


async def token(request: Request) -> Response:
    if request.headers.get("x-identity-header") != HEADER:
        return JSONResponse({"statusCode": 401, "message": "No access."}, 401)
    resource = request.query_params.get("resource")
    if not resource:
        return JSONResponse({"statusCode": 400, "message": "resource is missing."}, 400)
    return JSONResponse(
        {
            "access_token": TOKEN,
            "expires_on": str(int(time.time()) + LIFETIME_SECONDS),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": "00000000-0000-0000-0000-000000000001",
        }
    )
