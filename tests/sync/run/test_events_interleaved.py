"""No event is lost, in whatever order the calls of several workers come, and whoever dies."""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

from azure.core.exceptions import ResourceExistsError
from azure.data.tables import TableTransactionError
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import ConcurrentUpdate
from shared.domain.runs.alert import Alert, Ignored, Place
from shared.domain.runs.run import Mode, Run, RunRequest, Trigger, run_id_of
from shared.storage.runs import OutcomeLog, RunLog
from shared.sync.run.events import WINDOW, EventIntake
from shared.sync.run.intake import AlertRun
from shared.sync.run.lifecycle import RunStart
from shared.sync.run.pull import PullResult
from tests.builders.azure import rid, table_id
from tests.builders.runs import START, TAG
from tests.calls import Killed
from tests.storage.tables import MemoryTable

NAMES = ("one", "two", "three")
CALL = timedelta(seconds=0.2)
AGAIN_AFTER = timedelta(minutes=1)


@dataclass(frozen=True)
class Event:
    """An event about these tables, in the hands of a worker whose clock is wrong by `skew`.

    The worker dies before its n-th call to storage, or at its end if it makes fewer calls. Then
    another worker gets the message, whose clock is wrong by `skew_again`. `twice`: storage fails
    after it has created a row, so that the client creates each row twice.
    """

    names: Sequence[str]
    skew: timedelta
    skew_again: timedelta
    dies_at: int | None
    twice: bool


skews = st.sampled_from([timedelta(seconds=seconds) for seconds in (0, 0, 0, -60, -3, 4, 30)])
events = st.builds(
    Event,
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True),
    skews,
    skews,
    st.none() | st.integers(1, 9),
    st.booleans(),
)


class Turns:
    """Workers that take turns: one of them makes one call to storage at a time."""

    def __init__(self, order: Sequence[int]) -> None:
        self._order = itertools.cycle(order)
        self._mine = threading.local()
        self._back = threading.Semaphore(0)
        self._waiting: list[threading.Semaphore] = []
        self.errors: list[BaseException] = []

    def add(self, work: Callable[[], None]) -> None:
        turn = threading.Semaphore(0)

        def run() -> None:
            self._mine.turn = turn
            turn.acquire()
            try:
                work()
            except BaseException as error:
                self.errors.append(error)
            self._waiting.remove(turn)
            self._back.release()

        self._waiting.append(turn)
        threading.Thread(target=run, daemon=True).start()

    def pass_on(self) -> None:
        """Let others go on, and wait for the next turn of this thread."""
        turn = getattr(self._mine, "turn", None)
        if turn is not None:
            self._back.release()
            turn.acquire()

    def give(self) -> bool:
        """Give one worker its turn; return whether there was one."""
        if self._waiting:
            self._waiting[next(self._order) % len(self._waiting)].release()
            self._back.acquire()
            return True
        return False


class SharedTable(MemoryTable):
    """Calls `before_call` before each call, and creates each row twice while `is_twice` says so."""

    def __init__(self, before_call: Callable[[], None], is_twice: Callable[[], bool]) -> None:
        super().__init__()
        self._before_call = before_call
        self._is_twice = is_twice
        self._within = False

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if not name.endswith(("_entity", "_entities", "_transaction")) or self._within:
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            self._before_call()
            self._within = True
            try:
                if name == "create_entity" and self._is_twice():
                    found(*arguments, **named)
                return found(*arguments, **named)
            finally:
                self._within = False

        return call

    def submit_transaction(self, operations: Any) -> None:
        try:
            super().submit_transaction(operations)
        except ResourceExistsError as error:
            raise TableTransactionError(error=error) from error


@dataclass
class World:
    turns: Turns
    now: datetime = START
    moment: Iterator[int] = field(default_factory=itertools.count)
    written: dict[int, int] = field(default_factory=dict)
    fanned_out: dict[str, int] = field(default_factory=dict)
    due: list[tuple[datetime, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._mine = threading.local()
        world = self

        class Runs(RunLog):
            def replace(self, run: Run) -> Run:
                replaced = super().replace(run)
                if run.fanned_out_at is not None:
                    world.fanned_out[run.run_id] = next(world.moment)
                return replaced

        registrations = SimpleNamespace(
            places=lambda _: [Place(rid(name)) for name in NAMES],
            place=Place,
            get=lambda _: None,
            list=list,
        )
        self.runs = Runs(self._table().client_of())
        self.store: Any = SimpleNamespace(
            runs=self.runs,
            claims=self.runs,
            outcomes=OutcomeLog(self._table().client_of()),
            registrations=registrations,
        )
        self.policy: Any = SimpleNamespace(
            mode=lambda mode: mode,
            default_service_tag=TAG,
            listed_tags={TAG},
            allows=lambda tag: tag == TAG,
        )

    def _table(self) -> SharedTable:
        return SharedTable(self._before_call, lambda: getattr(self._mine, "twice", False))

    def _before_call(self) -> None:
        self.turns.pass_on()
        self.now += CALL
        self._mine.calls = getattr(self._mine, "calls", 0) + 1
        if self._mine.calls == getattr(self._mine, "dies_at", None):
            raise Killed

    def begin_weekly(self) -> None:
        run = Run(run_id_of(START, "abcdef01"), RunRequest(Trigger.TIMER, Mode.APPLY), START)
        self.runs.create(run)
        self.turns.add(partial(self.start, run.run_id))

    def deliver(self, number: int, event: Event, *, comes_again: bool = False) -> None:
        self.written.setdefault(number, next(self.moment))
        dies_at = self._mine.dies_at = None if comes_again else event.dies_at
        self._mine.twice = event.twice
        targets = tuple(table_id(name).lower() for name in event.names)
        clock = partial(self._clock, event.skew_again if comes_again else event.skew)
        intake = EventIntake(self.store, self.policy, clock, frozenset)
        with suppress(Killed):
            alert = Alert("write", targets, str(number))
            taken = intake.take(alert, b"", comes_again=comes_again)
            if dies_at is None:
                self._send(taken, clock())
                return

        self.now += AGAIN_AFTER
        self.turns.add(partial(self.deliver, number, event, comes_again=True))

    def _clock(self, skew: timedelta) -> datetime:
        return self.now + skew

    def _send(self, taken: AlertRun | Ignored, now: datetime) -> None:
        """As the worker of the queue does."""
        assert isinstance(taken, AlertRun)
        if taken.send:
            ahead = max(timedelta(), taken.run.started_at - now)
            self.due.append((self.now + min(ahead, WINDOW), taken.run.run_id))

    def start(self, run_id: str) -> None:
        end: Any = SimpleNamespace(expire_overdue=list, close_if_complete=lambda _: None)
        pull: Any = SimpleNamespace(record=lambda _, run_id, also: PullResult((), {}))
        starting = RunStart(self.store, self.policy, partial(self._clock, timedelta()), pull, end)
        try:
            starting.start(run_id)
        except ConcurrentUpdate:
            self.due.append((self.now + AGAIN_AFTER, run_id))

    def go_on(self) -> None:
        """Until nobody has anything to do."""
        while True:
            for at, run_id in [each for each in self.due if each[0] <= self.now]:
                self.due.remove((at, run_id))
                self.turns.add(partial(self.start, run_id))
            if not self.turns.give():
                if not self.due:
                    return
                self.now = min(at for at, _ in self.due)

    def read_after(self, moment: int, name: str) -> bool:
        """Whether a run reads the table after this moment."""
        return any(
            self.fanned_out.get(run.run_id, -1) > moment
            and (not run.request.route_tables or rid(name) in run.request.route_tables)
            for run in self.runs.list()
        )


@given(
    st.lists(events, min_size=1, max_size=6), st.lists(st.integers(0, 7), min_size=1), st.booleans()
)
def test_each_table_is_read_after_each_event_about_it(delivered, order, weekly):
    world = World(Turns(order))
    if weekly:
        world.begin_weekly()
    for number, event in enumerate(delivered):
        world.turns.add(partial(world.deliver, number, event))
    world.go_on()
    assert world.turns.errors == []

    for number, event in enumerate(delivered):
        for name in event.names:
            assert world.read_after(world.written[number], name), (number, name)

    skews = [skew for event in delivered for skew in (event.skew, event.skew_again)]
    elapsed = world.now - START + max(skews) - min(skews)
    of_events = [run for run in world.runs.list() if run.request.trigger is Trigger.EVENT]
    assert len(of_events) <= elapsed // WINDOW + 2
