"""An app whose functions hang, die and log in every way."""

import asyncio
import contextvars
import json
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import azure.functions as func
from azure_functions_runtime import get_threadpool_executor, invocation_id_cv

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
log = logging.getLogger("app")
shown = logging.getLogger("ase_route_sync.app")  # of this one, the host shows what LOG_LEVEL says
shown.setLevel(logging.DEBUG)

_released = asyncio.Event()
_tasks: set[asyncio.Task[None]] = set()


@app.route("facts", methods=["GET"])
def facts(req: func.HttpRequest) -> func.HttpResponse:
    pool = get_threadpool_executor()
    assert pool is not None
    found = {
        "now": datetime.now(UTC).isoformat(),
        "threads": pool._max_workers,
        "setting": os.environ["PYTHON_THREADPOOL_THREAD_COUNT"],
    }
    return func.HttpResponse(json.dumps(found))


@app.route("hang/{name}", methods=["POST"])
def hang(req: func.HttpRequest) -> func.HttpResponse:
    log.warning("%s hangs", req.route_params["name"])
    threading.Event().wait()
    return func.HttpResponse()


@app.route("block", methods=["POST"])
async def block(req: func.HttpRequest) -> func.HttpResponse:
    log.warning("everything hangs")
    threading.Event().wait()
    return func.HttpResponse()


@app.route("die", methods=["POST"])
def die(req: func.HttpRequest) -> func.HttpResponse:
    os._exit(1)


@app.route("send/{end}", methods=["POST"])
@app.queue_output("out", queue_name="sent", connection="AzureWebJobsStorage")
def send(req: func.HttpRequest, out: func.Out[str]) -> func.HttpResponse:
    out.set("words")
    if req.route_params["end"] == "fail":
        raise ValueError
    return func.HttpResponse()


@app.queue_trigger("message", queue_name="work", connection="AzureWebJobsStorage")
def work(message: func.QueueMessage) -> None:
    name = message.get_body().decode()
    log.warning("%s, delivery %s", name, message.dequeue_count)
    if message.dequeue_count == 1 and name == "hangs at first":
        threading.Event().wait()


@app.route("logs", methods=["POST"])
def logs(req: func.HttpRequest) -> func.HttpResponse:
    log.warning("sync: function")
    shown.info("sync: info")
    shown.debug("sync: debug")
    logging.getLogger("azure.functions.mine").error("sync: system")
    print("sync: printed")
    thread = threading.Thread(target=log.warning, args=("sync: thread",))
    thread.start()
    thread.join()
    return func.HttpResponse()


@app.route("logs-async", methods=["POST"])
async def logs_async(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    log.warning("async: coroutine")
    await asyncio.create_task(_logged("async: task"))
    await asyncio.to_thread(log.warning, "async: to_thread")

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as pool:
        await loop.run_in_executor(pool, log.warning, "async: executor")
        copied = contextvars.copy_context()
        await loop.run_in_executor(pool, copied.run, log.warning, "async: copied context")
        await loop.run_in_executor(pool, _with_local_id, context)
    invocation_id_cv.set(context.invocation_id)
    await asyncio.to_thread(log.warning, "async: variable set")
    return func.HttpResponse()


async def _logged(text: str) -> None:
    log.warning(text)


def _with_local_id(context: func.Context) -> None:
    context.thread_local_storage.invocation_id = context.invocation_id  # type: ignore[attr-defined]
    log.warning("async: thread_local_storage")


@app.route("log-later", methods=["POST"])
async def log_later(req: func.HttpRequest) -> func.HttpResponse:
    task = asyncio.create_task(_log_when_released())
    _tasks.add(task)
    return func.HttpResponse()


@app.route("release", methods=["POST"])
async def release(req: func.HttpRequest) -> func.HttpResponse:
    _released.set()
    await asyncio.gather(*_tasks)
    log.warning("released")
    return func.HttpResponse()


async def _log_when_released() -> None:
    await _released.wait()
    log.warning("async: after its invocation")
