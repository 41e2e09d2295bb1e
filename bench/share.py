"""A share of the processor for a command and its children: a control group of Linux."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
_PERIOD_MICROSECONDS = 100_000
_ENDED_WITHIN_SECONDS = 10.0
_JOIN = 'echo $$ > "$0" && exec "$@"'
"""The shell joins the group before it becomes the command, so nothing runs outside of it."""


class CannotLimit(Exception):
    """The system is not Linux, or the user may not make a group."""


@contextmanager
def share(cores: float, groups: Path = GROUPS) -> Iterator[tuple[str, ...]]:
    """Yield the words to put before a command, so that it and its children get so many cores.

    The command must have ended by the end of the context. Raise CannotLimit if this machine cannot
    limit it.
    """
    try:
        group = _make(cores, groups)
    except OSError as error:
        raise CannotLimit(str(error)) from None
    try:
        yield "sh", "-c", _JOIN, str(group / "cgroup.procs")
    finally:
        _remove(group)


def _make(cores: float, groups: Path) -> Path:
    name = f"ase-route-sync-{os.getpid()}"
    quota = round(cores * _PERIOD_MICROSECONDS)
    # Version 1 has a tree for each kind of limit, and version 2 has one tree for all.
    if (groups / "cpu").is_dir():
        group, file, limit = groups / "cpu" / name, "cpu.cfs_quota_us", f"{quota}"
    else:
        group, file, limit = groups / name, "cpu.max", f"{quota} {_PERIOD_MICROSECONDS}"

    group.mkdir()
    try:
        # The system makes the files of a group. In any other folder there is none.
        with (group / file).open("r+") as limits:
            limits.write(limit)
    except BaseException:
        group.rmdir()
        raise
    return group


def _remove(group: Path) -> None:
    """The system keeps a group until the last of its processes has ended."""
    ends = time.monotonic() + _ENDED_WITHIN_SECONDS
    while True:
        try:
            return group.rmdir()
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.1)
