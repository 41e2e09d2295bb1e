"""How the tests are distributed over the workers."""

import os
import random
import re
from collections.abc import Generator
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

KINDS = {"storage": "computing", "sync": "computing", "domain": "short"}
"""The tests of most other folders wait: for hosts, browsers and other programs."""
NEEDS_THE_COMPILER = re.compile(
    r"tests/infra/test_(?!checkov|copy_tables|deploy_page|github|package|powershell|storage_roles)"
    r"|tests/examples/test_(azure_scripts|azure_tag|logic_app|runbooks_page)\.py"
)
"""The files with tests that need the compiler of `infra/`. One worker runs them all.

The compiler needs seconds of processor time before it is fast, so it starts once.
"""


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let each worker import the files in an order of its own.

    In a fresh checkout it finds most of them compiled by the others. In the same order, all workers
    would compile the same file at the same time.
    """
    report = yield
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is not None and isinstance(collector, pytest.Directory):
        random.Random(worker).shuffle(report.result)
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mix the tests that compute with those that wait, so that the processors have work.

    The tests of a file stay together, because they may share what they have started. The short ones
    come last: while the last long one goes on, they are there for the other workers.
    """
    # The workers have collected the files in different orders, and need the same order in the end.
    items.sort(key=lambda item: item.path)
    files: dict[str, dict[Path, None]] = {"computing": {}, "waiting": {}, "short": {}}
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        files[KINDS.get(folder, "waiting")][item.path] = None
        if "bicep" in getattr(item, "fixturenames", ()):
            assert NEEDS_THE_COMPILER.match(item.nodeid), f"name the file of {item.nodeid} here"

    place = dict.fromkeys(files.pop("short"), 1.0)
    for part in files.values():
        place |= {file: number / len(part) for number, file in enumerate(part)}
    items.sort(key=lambda item: place[item.path])


class _Scheduling(LoadFileScheduling):  # type: ignore[misc]  # it has no types
    """A worker takes a whole file, and one worker takes all the files that need the compiler."""

    def _split_scope(self, nodeid: str) -> str:
        return "compiler" if NEEDS_THE_COMPILER.match(nodeid) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> _Scheduling | None:
    return _Scheduling(config, log) if config.getoption("dist") == "loadfile" else None
