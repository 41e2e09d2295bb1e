"""All work is done in threads of the app's own: nothing waits for tables, and no record is lost."""

import asyncio
import inspect
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import azure.functions as func
import pytest

from local.azurite import ROOT
from local.host.config import queue_options
from shared import endpoints, lanes, workers
from shared.deadline import LONGEST_INVOCATION_SECONDS, seconds_left, time_limit
from shared.domain.errors import TransientError
from shared.lanes import Lanes
from shared.redaction import guard_log
from shared.transport import MOST_CONNECTIONS
from shared.workers import Messages, Start
from tests.builders.clocks import LONGEST_SECONDS, Slow, SteppedClock
from tests.builders.functions import indexed

HANGS_AFTER = 0.05

_log = logging.getLogger("ase_route_sync")


def in_a_loop[T](main: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine. The browser's tests leave an event loop in this thread."""
    with ThreadPoolExecutor(1) as pool:
        result: T = pool.submit(asyncio.run, main).result(LONGEST_SECONDS)
    return result


class OfTheWorker(logging.Handler):
    """Takes a record only from a task of its own event loop, as the worker of the host does."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived: list[logging.LogRecord] = []
        self.anywhere: list[logging.LogRecord] = []
        self.came = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.anywhere.append(record)
        try:
            task = asyncio.current_task()
        except RuntimeError:
            return
        if task is not None:
            self.arrived.append(record)
            self.came.set()

    @property
    def texts(self) -> list[str]:
        assert self.arrived == self.anywhere
        return [record.getMessage() for record in self.arrived]


@pytest.fixture
def worker() -> Iterator[OfTheWorker]:
    handler = OfTheWorker()
    root = logging.getLogger()
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)


@pytest.fixture
def one() -> Lanes:
    return Lanes("one", 1)


def test_the_work_has_its_arguments_and_its_result_or_error_comes_back(one):
    assert in_a_loop(one.run(divmod, 7, 2)) == (3, 1)
    assert in_a_loop(one.run(sorted, [1, 2], reverse=True)) == [2, 1]
    with pytest.raises(ZeroDivisionError):
        in_a_loop(one.run(divmod, 7, 0))


def test_no_more_is_done_at_a_time_than_there_are_lanes():
    two, slow = Lanes("two", 2), [Slow() for _ in range(3)]

    async def main():
        runs = [asyncio.create_task(two.run(each)) for each in slow]
        for each in slow[:2]:
            assert await asyncio.to_thread(each.begun.wait, LONGEST_SECONDS)
        assert not slow[2].begun.is_set()
        slow[0].may_end.set()
        assert await asyncio.to_thread(slow[2].begun.wait, LONGEST_SECONDS)
        for each in slow:
            each.may_end.set()
        return await asyncio.gather(*runs)

    assert in_a_loop(main()) == [1, 1, 1]


def test_a_record_arrives_once_while_the_work_goes_on(one, worker, caplog):
    heard = []

    def work():
        _log.warning("%s happened", "this")
        heard.append(worker.came.wait(LONGEST_SECONDS))
        logging.getLogger("azure.identity").warning("a library, too")

    caplog.set_level(logging.INFO)
    in_a_loop(one.run(work))
    assert heard == [True]
    assert worker.texts == ["this happened", "a library, too"]
    assert [record.getMessage() for record in caplog.records] == worker.texts


def test_the_record_of_an_error_arrives_before_the_error_does_and_shows_no_secret(one, worker):
    arrived = []

    def work():
        try:
            int("password=abcdefgh")
        except ValueError:
            _log.exception("failed with password=abcdefgh")
            raise

    async def main():
        try:
            await one.run(work)
        except ValueError:
            arrived.extend(worker.arrived)

    guard_log()
    in_a_loop(main())
    [record] = arrived
    shown = logging.Formatter().format(record)
    assert "ValueError" in shown
    assert "abcdefgh" not in shown


def test_a_level_that_nobody_wants_is_not_logged(one, worker, caplog):
    caplog.set_level(logging.WARNING)
    in_a_loop(one.run(_log.info, "not so important"))
    assert worker.texts == []


def test_records_of_invocations_at_the_same_time_arrive_in_their_own(worker):
    many, by_task = Lanes("many", 4), {}

    async def main(name):
        await many.run(_log.warning, name)
        by_task[name] = [r.getMessage() for r in worker.arrived if r.getMessage() == name]

    async def all_of_them():
        await asyncio.gather(*(main(f"number {n}") for n in range(20)))

    in_a_loop(all_of_them())
    assert by_task == {f"number {n}": [f"number {n}"] for n in range(20)}


@pytest.mark.parametrize("worker_stops", [False, True])
def test_after_a_cancelled_invocation_its_thread_logs_by_itself(one, worker, worker_stops):
    slow = Slow()

    def work():
        slow()
        _log.warning("still here")

    async def go_on():
        slow.may_end.set()
        await one.run(int)  # when the only lane is free again

    async def main():
        run = asyncio.create_task(one.run(work))
        assert await asyncio.to_thread(slow.begun.wait, LONGEST_SECONDS)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        if not worker_stops:
            await go_on()

    in_a_loop(main())
    if worker_stops:
        in_a_loop(go_on())
    assert [record.getMessage() for record in worker.anywhere] == ["still here"]


def the_loop_is_busy_until(reached: Callable[[], bool]) -> None:
    """Keep the event loop busy until then, and until the time of a call that hangs is over."""
    until = time.monotonic() + LONGEST_SECONDS
    while not reached() and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(HANGS_AFTER)


@pytest.mark.parametrize("given_up", [False, True])
def test_what_was_logged_before_an_invocation_ends_early_arrives(
    one, worker, monkeypatch, given_up
):
    seconds = HANGS_AFTER if given_up else LONGEST_SECONDS
    monkeypatch.setattr(lanes, "GIVEN_UP_AFTER_SECONDS", seconds)
    slow = Slow()

    def work():
        _log.warning("the last that is known")
        slow()

    async def main():
        run = asyncio.create_task(one.run(work))
        await asyncio.sleep(0)
        the_loop_is_busy_until(slow.begun.is_set)
        if not given_up:
            run.cancel()
        with pytest.raises(TransientError if given_up else asyncio.CancelledError):
            await run
        slow.may_end.set()

    in_a_loop(main())
    assert worker.texts[0] == "the last that is known"


def test_work_that_ends_at_the_last_moment_has_ended(one, worker, monkeypatch):
    monkeypatch.setattr(lanes, "GIVEN_UP_AFTER_SECONDS", HANGS_AFTER)
    ended = threading.Event()

    async def main():
        run = asyncio.create_task(one.run(ended.set))
        await asyncio.sleep(0)
        the_loop_is_busy_until(ended.is_set)
        await run

    in_a_loop(main())
    assert worker.texts == []


def test_work_that_was_cancelled_while_it_waited_is_not_begun(one):
    first, second = Slow(), Slow()

    async def main():
        running, waiting = (asyncio.create_task(one.run(each)) for each in (first, second))
        assert await asyncio.to_thread(first.begun.wait, LONGEST_SECONDS)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        first.may_end.set()
        assert await running == 1

    in_a_loop(main())
    in_a_loop(one.run(int))
    assert second.asked == 0


def test_a_wait_for_a_free_lane_counts(one, monkeypatch):
    clock, slow = SteppedClock(), Slow()
    monkeypatch.setattr(lanes, "time_limit", lambda seconds: time_limit(seconds, clock))

    async def main():
        running = asyncio.create_task(one.run(slow))
        waiting = asyncio.create_task(one.run(seconds_left))
        assert await asyncio.to_thread(slow.begun.wait, LONGEST_SECONDS)
        clock.seconds = 150
        slow.may_end.set()
        await running
        return await waiting

    assert in_a_loop(main()) == LONGEST_INVOCATION_SECONDS - 150


def test_work_that_hangs_is_left_behind_and_others_go_on(one, worker, monkeypatch):
    slow = Slow()

    async def main():
        monkeypatch.setattr(lanes, "GIVEN_UP_AFTER_SECONDS", HANGS_AFTER)
        with pytest.raises(TransientError, match="OutOfTime"):
            await one.run(slow)
        monkeypatch.undo()
        return await one.run(divmod, 7, 2)

    assert in_a_loop(main()) == (3, 1)
    assert "did not end itself" in worker.texts[0]
    slow.may_end.set()


def test_if_several_hang_new_threads_are_taken_once(monkeypatch):
    two, slow, next_ones = Lanes("two", 2), [Slow(), Slow()], [Slow() for _ in range(3)]

    async def main():
        hanging = []
        for each, seconds in zip(slow, (HANGS_AFTER, 6 * HANGS_AFTER), strict=True):
            monkeypatch.setattr(lanes, "GIVEN_UP_AFTER_SECONDS", seconds)
            hanging.append(asyncio.create_task(two.run(each)))
            await asyncio.sleep(0)
        first, second = hanging

        with pytest.raises(TransientError):
            await first
        monkeypatch.setattr(lanes, "GIVEN_UP_AFTER_SECONDS", LONGEST_SECONDS)
        running = [asyncio.create_task(two.run(each)) for each in next_ones[:2]]

        with pytest.raises(TransientError):
            await second
        running.append(asyncio.create_task(two.run(next_ones[2])))
        for each in next_ones[:2]:
            assert await asyncio.to_thread(each.begun.wait, LONGEST_SECONDS)
        no_third = not next_ones[2].begun.is_set()
        for each in (*slow, *next_ones):
            each.may_end.set()
        await asyncio.gather(*running)
        return no_third

    assert in_a_loop(main())


def test_work_that_only_waited_too_long_is_never_begun(one, worker, monkeypatch):
    first, second = Slow(), Slow()

    async def main():
        running = asyncio.create_task(one.run(first))
        assert await asyncio.to_thread(first.begun.wait, LONGEST_SECONDS)
        monkeypatch.setattr(lanes, "GIVEN_UP_AFTER_SECONDS", HANGS_AFTER)
        with pytest.raises(TransientError, match="OutOfTime"):
            await one.run(second)
        first.may_end.set()
        await running

    in_a_loop(main())
    in_a_loop(one.run(int))
    assert second.asked == 0
    assert worker.texts == []


def test_there_is_a_lane_for_each_table_that_the_host_hands_out_and_a_connection_for_each_lane():
    options = queue_options(ROOT, {})
    assert lanes.TABLES.count == options.batch_size + options.new_batch_threshold
    # Otherwise the host waits until all of a batch have ended before it fetches the next.
    assert options.batch_size <= options.new_batch_threshold
    kinds = [each for each in vars(lanes).values() if isinstance(each, Lanes)]
    assert sum(kind.count for kind in kinds) <= MOST_CONNECTIONS


FUNCTIONS = {str(each.get_function_name()): each.get_user_function() for each in indexed()}
KINDS = {
    "sync_route_table": "tables",
    "scheduled_sync": "runs",
    "daily_check": "runs",
    "start_run": "runs",
    "start_run_poison": "runs",
    "sync_route_table_poison": "runs",
    "resource_events": "runs",
    "resource_events_poison": "runs",
}


def called(name: str) -> Coroutine[Any, Any, Any]:
    """Call the function as the worker does."""
    function: Callable[..., Coroutine[Any, Any, Any]] = FUNCTIONS[name]
    given = {"message": func.QueueMessage(body=b"{}")}
    names = inspect.signature(function).parameters
    return function(**{each: given.get(each, _Nothing()) for each in names})


class _Nothing:
    def set(self, _value: object) -> None: ...


@pytest.fixture
def noted(monkeypatch) -> list[tuple[str, float]]:
    """Note the thread of each piece of work and the time that it has, instead of doing it."""
    noted: list[tuple[str, float]] = []

    def note(*_arguments: object, **_named: object) -> Messages:
        noted.append((threading.current_thread().name, seconds_left()))
        return Messages()

    def note_event(*arguments: object, **named: object) -> Start:
        note(*arguments, **named)
        return Start()

    for name in endpoints.__all__:
        monkeypatch.setattr(endpoints, name, note)
    for name in FUNCTIONS:
        monkeypatch.setattr(workers, name, note, raising=False)
    for name in ("start_run_without_tags", "fail_poisoned_route_table"):
        monkeypatch.setattr(workers, name, note)
    for name in ("take_event", "take_poisoned_event"):
        monkeypatch.setattr(workers, name, note_event)
    return noted


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_leaves_the_event_loop_free_and_has_a_deadline(noted, name):
    in_a_loop(called(name))
    [(thread, left)] = noted
    assert thread.startswith(f"{KINDS.get(name, 'requests')}_")
    assert LONGEST_INVOCATION_SECONDS - 5 < left <= LONGEST_INVOCATION_SECONDS


def test_nobody_waits_for_an_event_that_waits_for_its_window(noted, monkeypatch):
    """The lane is free, and the start message has not left."""
    monkeypatch.setattr(workers, "take_event", lambda *_, **__: Start("a message", 3600.0))

    async def main() -> None:
        waiting = [
            asyncio.create_task(called("resource_events")) for _ in range(2 * lanes.RUNS.count)
        ]
        # The lanes are first in, first out, so that each event has been taken by then.
        for _ in range(5):
            await called("start_run")
        assert not any(task.done() for task in waiting)
        for task in waiting:
            task.cancel()

    in_a_loop(main())
    assert len(noted) == 5


def test_a_request_waits_neither_for_tables_nor_for_the_starts_of_runs_nor_for_slow_requests(
    noted, monkeypatch
):
    slow = [Slow() for _ in range(lanes.TABLES.count + lanes.RUNS.count + 5)]
    every = iter(slow)

    def wait(*_given: object) -> Messages:
        next(every)()
        return Messages()

    for module, name in (
        (workers, "sync_route_table"),
        (workers, "start_run"),
        (endpoints, "provision"),
    ):
        monkeypatch.setattr(module, name, wait)

    async def main():
        names = ["sync_route_table"] * lanes.TABLES.count + ["start_run"] * lanes.RUNS.count
        running = [asyncio.create_task(called(name)) for name in (*names, *["provision"] * 5)]
        for each in slow:
            assert await asyncio.to_thread(each.begun.wait, LONGEST_SECONDS)
        await called("alert")
        answered = not any(run.done() for run in running)
        for each in slow:
            each.may_end.set()
        await asyncio.gather(*running)
        return answered

    assert in_a_loop(main())
    assert len(noted) == 1
