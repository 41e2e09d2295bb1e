"""The web server below the routes."""

import uvicorn
from starlette.types import ASGIApp

from local.listening import KEEP_ALIVE_SECONDS


def web_server(app: ASGIApp) -> uvicorn.Server:
    config = uvicorn.Config(
        app, log_level="warning", lifespan="on", timeout_keep_alive=KEEP_ALIVE_SECONDS
    )
    return uvicorn.Server(config)
