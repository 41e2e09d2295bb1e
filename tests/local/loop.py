"""An event loop for a test."""

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor


def run(steps):
    # The browser's tests leave an event loop in this thread.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, steps).result()


def on_a_loop(test):
    """Make a coroutine a test."""

    @functools.wraps(test)
    def run_test(**fixtures):
        run(test(**fixtures))

    return run_test


async def settled():
    """Let every task go on as far as it can without time."""
    for _ in range(10):
        await asyncio.sleep(0)
