"""Hosts as Flex Consumption starts them: one for HTTP, and one for each queue function.

Each worker has five threads, as on an instance of one core.
"""

import functools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from azure.functions.decorators.queue import QueueTrigger

from function_app import app
from local.stack import HostProcess

from .world import World

_FEW_THREADS = {"PYTHON_THREADPOOL_THREAD_COUNT": "5"}


@contextmanager
def hosts_by_group(here: World) -> Iterator[HostProcess]:
    """Start the hosts, and give the one that answers HTTP."""
    with ExitStack() as stack:
        hosts = [
            stack.enter_context(here.hosts(1, **_FEW_THREADS, **settings))
            for settings in settings_of_groups(_queue_functions())
        ]
        [for_http] = hosts[-1]
        yield for_http


@functools.cache
def _queue_functions() -> list[str]:
    """The library can be asked for the functions only once."""
    triggers = {str(one.get_function_name()): one.get_trigger() for one in app.get_functions()}
    return [name for name, trigger in triggers.items() if isinstance(trigger, QueueTrigger)]


def settings_of_groups(functions: list[str]) -> list[dict[str, str]]:
    """Each host has one of the queue functions. The last host has none, and answers HTTP."""
    groups = [{name} for name in functions] + [set[str]()]
    return [
        {f"AzureWebJobs.{name}.Disabled": "true" for name in functions if name not in group}
        for group in groups
    ]
