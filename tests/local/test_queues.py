"""Queue triggers and outputs: the local host does as the real one."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Self

import pytest
from azure.storage.queue import QueueClient
from azure_functions_runtime.bindings.datumdef import Datum

from local.azurite import ROOT, Azurite
from local.host.config import HostError, QueueOptions, queue_options
from local.host.queues import LEASE_SECONDS, Queues
from local.host.worker import Function, InvocationFailed
from shared.messages import MAX_MESSAGE_BYTES

WITHIN_SECONDS = 60
OPTIONS = QueueOptions(
    batch_size=4,
    new_batch_threshold=20,
    max_dequeue_count=2,
    max_polling_interval=timedelta(seconds=30),
    visibility_timeout=timedelta(seconds=60),
)
WORK = Function("work", "1", [{"type": "queueTrigger", "queueName": "work", "name": "message"}])
POISON = Function(
    "poison", "2", [{"type": "queueTrigger", "queueName": "work-poison", "name": "message"}]
)
PREFIX = "AzureFunctionsJobHost__extensions__queues__"
TO_WORK = {"type": "queue", "queueName": "work", "name": "out"}

FUNCTIONS = (WORK, POISON)


class Listening:
    """The listeners of two queues, and a clock that only the test moves.

    They listen while this is a context. A function fails if its name is in `failing`, and does not
    end while its text is in `held`.
    """

    def __init__(self, azurite: Azurite, account: str, options: QueueOptions) -> None:
        self._azurite = azurite
        self._connection_string = azurite.connection_string(account)
        self.queues = Queues(self._connection_string, options, self._invoke, self._sleep)
        self.failing: set[str] = set()
        self.held: dict[str, asyncio.Event] = {}
        self.called: list[tuple[str, str]] = []
        self.running = 0
        self.now = 0.0
        self._sleeping: dict[asyncio.Event, float] = {}

    async def __aenter__(self) -> Self:
        self._listeners = [asyncio.create_task(self.queues.listen(one)) for one in FUNCTIONS]
        await self.is_idle()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        assert all(listener.cancelled() for listener in self._listeners)

    async def stop(self) -> None:
        for listener in self._listeners:
            listener.cancel()
        await asyncio.gather(*self._listeners, return_exceptions=True)

    async def _invoke(self, function: Function, value: Datum, _metadata: object) -> None:
        self.called.append((function.name, value.value))
        if value.value in self.held:
            self.running += 1
            await self.held[value.value].wait()
            self.running -= 1
        if function.name in self.failing:
            raise InvocationFailed("it failed")

    async def _sleep(self, seconds: float) -> None:
        over = asyncio.Event()
        self._sleeping[over] = self.now + seconds
        try:
            await over.wait()
        finally:
            del self._sleeping[over]

    def asleep_until(self) -> Sequence[float]:
        return list(self._sleeping.values())

    async def sleeps_for(self, seconds: float) -> None:
        """Wait until somebody sleeps for so long."""
        await until(lambda: self.now + seconds in self._sleeping.values())

    async def pass_by(self, seconds: float) -> None:
        """Move the clock of Azurite, then the clock of the host."""
        await asyncio.to_thread(self._azurite.forward, seconds)
        self.now += seconds
        for over, end in self._sleeping.items():
            if end <= self.now:
                over.set()

    async def is_idle(self) -> None:
        """Wait until both listeners rest, and only messages that are held are in hand."""
        for _ in range(10):  # whoever has been woken goes on first
            await asyncio.sleep(0)

        def idle() -> bool:
            asleep, in_hand = len(self._sleeping), len(self.queues._in_hand)
            return (asleep, in_hand) == (len(FUNCTIONS) + self.running, self.running)

        await until(idle)

    async def poll(self) -> None:
        """Let both listeners look at their queues once."""
        await self.is_idle()
        await self.pass_by(OPTIONS.max_polling_interval.total_seconds())
        await self.is_idle()

    async def other_listener_looks(self) -> None:
        """Wait until the poison queue gives a message, while the other listener waits for lanes."""
        await until(lambda: len(self._sleeping) == self.running + 1)
        self.send("last", to="work-poison")
        await self.pass_by(OPTIONS.max_polling_interval.total_seconds())
        await until(lambda: ("poison", "last") in self.called)

    def begun(self) -> int:
        """Return how many messages the function `work` has got."""
        return sum(name == "work" for name, _ in self.called)

    def client(self, name: str = "work") -> QueueClient:
        return QueueClient.from_connection_string(self._connection_string, name)

    def send(self, *texts: str, to: str = "work") -> None:
        for text in texts:
            self.client(to).send_message(base64.b64encode(text.encode()).decode())

    def count(self, name: str = "work") -> int:
        """Return the number of messages, hidden ones as well."""
        return self.client(name).get_queue_properties().approximate_message_count or 0

    def visible(self) -> list[str]:
        messages = self.client().peek_messages(32)
        return [base64.b64decode(message.content).decode() for message in messages]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


ACCOUNTS = [f"account{number}" for number in range(50)]


@pytest.fixture(scope="module")
def moved_azurite() -> Iterator[tuple[Azurite, Iterator[str]]]:
    """Azurite with a clock of its own, and accounts that nobody has used."""
    with Azurite(accounts=ACCOUNTS) as running:
        yield running, iter(ACCOUNTS)


type Play = Callable[..., Listening]


@pytest.fixture
def play(moved_azurite: tuple[Azurite, Iterator[str]]) -> Play:
    """Run a scenario beside the listeners, in an event loop of its own."""
    azurite, accounts = moved_azurite

    def run(
        scenario: Callable[[Listening], Awaitable[None]], options: QueueOptions = OPTIONS
    ) -> Listening:
        host = Listening(azurite, next(accounts), options)
        for function in FUNCTIONS:
            host.client(function.trigger["queueName"]).create_queue()

        async def scene() -> None:
            async with host:
                await scenario(host)

        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, scene()).result()
        return host

    return run


def test_an_output_does_not_wake_the_function_of_its_queue(play):
    async def scenario(host):
        await host.queues.send(TO_WORK, Datum("words", "string"))
        await host.is_idle()
        assert host.called == []
        await host.poll()
        assert host.called == [("work", "words")]
        assert host.count() == 0

    play(scenario)


def test_after_a_message_the_listener_looks_again_at_once_and_then_rests_shortly(play):
    async def scenario(host):
        for _ in range(12):
            await host.poll()
        host.send(*"abcdef")
        await host.pass_by(30)
        await until(lambda: len(host.called) == 6)  # two batches
        await host.is_idle()
        host.send("g")
        await host.pass_by(0.1)
        await until(lambda: host.called[-1] == ("work", "g"))

    play(scenario)


def test_a_failed_message_comes_again_after_the_visibility_timeout(play):
    async def scenario(host):
        host.failing = {"work"}
        host.send("a")
        await host.poll()
        assert host.called == [("work", "a")]
        await host.pass_by(59)
        await host.is_idle()
        assert (host.called, host.visible()) == ([("work", "a")], [])

        host.failing = set()
        await host.pass_by(1)
        await host.poll()
        assert host.called == 2 * [("work", "a")]
        assert host.count() == 0

    play(scenario)


def test_after_the_last_failure_the_poison_function_is_called_at_once(play, caplog):
    async def scenario(host):
        host.failing = {"work"}
        host.send("a")
        await host.poll()
        await host.pass_by(60)
        await until(lambda: host.called == [("work", "a"), ("work", "a"), ("poison", "a")])
        await host.is_idle()
        assert (host.count(), host.count("work-poison")) == (0, 0)

    play(scenario)
    assert "MaxDequeueCount of 2. Moving it to 'work-poison'" in caplog.text


def test_a_failing_poison_function_gets_its_message_every_ten_minutes_and_then_no_more(
    play, caplog
):
    async def scenario(host):
        host.failing = {"poison"}
        host.send("a", to="work-poison")
        await host.poll()
        assert host.called == [("poison", "a")]
        await host.pass_by(LEASE_SECONDS - 1)
        await host.is_idle()
        assert len(host.called) == 1
        await host.poll()
        assert len(host.called) == 2

        for _ in range(3):
            await host.pass_by(LEASE_SECONDS)
            await host.poll()
        assert len(host.called) == 2
        assert host.count("work-poison") == 1

    play(scenario)
    assert {record.levelname for record in caplog.records if record.name == "local.host"} == {
        "ERROR"
    }


def test_a_message_that_is_not_base64_goes_to_poison_and_no_function_gets_it(play):
    async def scenario(host):
        host.client().send_message("no base64!")
        host.send("a")
        await host.poll()
        assert host.called == [("work", "a")]
        assert host.count() == 0

        await host.pass_by(LEASE_SECONDS)
        await host.poll()
        assert host.called == [("work", "a")]
        await host.stop()
        await host.pass_by(LEASE_SECONDS)
        [message] = host.client("work-poison").peek_messages()
        assert message.content == "no base64!"

    play(scenario)


def test_a_text_arrives_as_it_was_sent(play):
    text = ' {"b": 1, "at": "2026-11-30T08:00:00+02:00"}\r\n'

    async def scenario(host):
        host.send(text)
        await host.poll()
        assert host.called == [("work", text)]

    play(scenario)


def test_the_lease_of_a_message_in_hand_is_renewed_half_way(play):
    async def scenario(host):
        host.held["a"] = asyncio.Event()
        host.send("a")
        await host.poll()
        for _ in range(5):
            await host.pass_by(LEASE_SECONDS / 2)
            await host.is_idle()
        assert host.visible() == []
        await host.pass_by(LEASE_SECONDS / 2 - 1)
        assert host.called == [("work", "a")]
        host.held["a"].set()
        await until(lambda: host.count() == 0)

    play(scenario)


def test_a_lease_that_cannot_be_renewed_is_tried_again_sooner(play, caplog):
    async def scenario(host):
        host.held["a"] = asyncio.Event()
        host.send("a")
        await host.poll()
        host.client().clear_messages()
        for after, then in [(300, 150), (150, 75), (75, 60), (60, 60)]:
            await host.pass_by(after)
            await host.sleeps_for(then)
        host.held["a"].set()
        await host.is_idle()

    play(scenario)
    assert caplog.records == []


def test_the_messages_of_a_host_that_dies_come_again_when_their_lease_ends(play, moved_azurite):
    async def scenario(host):
        host.held["a"] = asyncio.Event()
        host.send("a")
        await host.poll()

    dead = play(scenario)
    moved_azurite[0].forward(LEASE_SECONDS - 1 - 30)
    assert dead.visible() == []
    moved_azurite[0].forward(31)
    assert dead.visible() == ["a"]


@pytest.mark.parametrize(
    ("batch_size", "new_batch_threshold", "at_first", "ends", "then"),
    [
        (4, 20, 24, 3, 21),
        (4, 20, 24, 4, 24),
        (16, 8, 16, 7, 9),
        (16, 8, 16, 8, 24),
        (16, 8, 16, 16, 16),
        (16, 16, 32, 16, 32),
        (1, 0, 1, 1, 1),
    ],
)
def test_the_next_batch_comes_when_few_enough_are_in_hand(
    play, batch_size, new_batch_threshold, at_first, ends, then
):
    async def scenario(host):
        texts = [f"{number:02}" for number in range(48)]
        host.held = {text: asyncio.Event() for text in texts}
        host.send(*texts)
        await host.pass_by(30)
        await until(lambda: host.running == at_first)
        for _, text in host.called[:ends]:
            host.held[text].set()
        await until(lambda: (host.running, host.begun()) == (then, then + ends))
        await host.other_listener_looks()
        assert (host.running, host.begun()) == (then, then + ends)
        for held in host.held.values():
            held.set()
        await until(lambda: host.begun() == len(texts))

    lanes = {"batch_size": batch_size, "new_batch_threshold": new_batch_threshold}
    play(scenario, replace(OPTIONS, **lanes))


def test_a_host_that_stops_ends_what_it_has_in_hand(play):
    async def scenario(host):
        host.held["a"] = asyncio.Event()
        host.send("a")
        await host.poll()
        await host.stop()
        draining = asyncio.create_task(host.queues.drain())
        host.send("b")
        await host.pass_by(LEASE_SECONDS / 2)
        assert not draining.done()
        host.held["a"].set()
        await draining
        assert (host.called, host.visible(), host.count()) == ([("work", "a")], ["b"], 1)

    play(scenario)


@pytest.mark.parametrize("more", [0, 1])
def test_an_output_of_more_than_48_kibibytes_fails_and_those_before_it_have_gone(play, more):
    texts = ["a", "b" * (MAX_MESSAGE_BYTES + more), "c"]

    async def scenario(host):
        sending = host.queues.send(TO_WORK, Datum(json.dumps(texts), "json"))
        if more:
            with pytest.raises(InvocationFailed, match="output binding"):
                await sending
        else:
            await sending
        assert host.visible() == (["a"] if more else texts)

    play(scenario)


def test_an_output_that_only_looks_like_json_fails(play):
    async def scenario(host):
        with pytest.raises(InvocationFailed, match="output binding"):
            await host.queues.send(TO_WORK, Datum("{no json}", "string"))
        assert host.count() == 0

    play(scenario)


def test_no_hop_waits_longer_than_host_json_says(play):
    options = queue_options(ROOT, {})
    longest = options.max_polling_interval.total_seconds()
    assert 2 * longest < 5, "a run on an idle app has two hops"

    async def scenario(host):
        for _ in range(12):
            await host.poll()
        assert set(host.asleep_until()) == {host.now + longest}
        host.send("a")
        await host.pass_by(longest)
        await until(lambda: host.called == [("work", "a")])

    play(scenario, options)


@pytest.mark.parametrize(("interval", "calls"), [(30, 13), (2, 125), (1, 244)])
def test_an_idle_instance_calls_storage_about_as_often_as_the_real_host(interval, calls):
    """`calls` a minute were counted there, of which some five are the host's own.

    The app had four functions of queues then.
    """
    requests: list[str] = []
    with Azurite(on_request=requests.append) as storage, ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, idle(storage, interval, seconds=600)).result()
    assert calls - 6 <= 4 * len(requests) / 10 <= calls


async def idle(storage: Azurite, interval: int, *, seconds: int) -> None:
    """Let one listener rest again and again for so long, in no time."""
    slept, over = 0.0, asyncio.Event()

    async def sleep(wait: float) -> None:
        nonlocal slept
        slept += wait
        if slept > seconds:
            over.set()
            await asyncio.Event().wait()

    options = replace(OPTIONS, max_polling_interval=timedelta(seconds=interval))
    queues = Queues(storage.connection_string(), options, nobody, sleep)
    listener = asyncio.create_task(queues.listen(WORK))
    await over.wait()
    listener.cancel()


async def nobody(*_: object) -> None:
    raise AssertionError("the queue is empty")


def test_host_json_holds_unless_the_environment_overrides_it():
    options = queue_options(ROOT, {})
    assert options.max_dequeue_count == 15
    assert options.visibility_timeout.total_seconds() == 60
    changed = queue_options(ROOT, {f"{PREFIX}maxDequeueCount": "3", f"{PREFIX}batchSize": "1"})
    assert (changed.max_dequeue_count, changed.batch_size) == (3, 1)


@pytest.mark.parametrize(
    ("name", "within", "beyond"),
    [
        ("batchSize", "1", "0"),
        ("batchSize", "32", "33"),
        ("newBatchThreshold", "0", "-1"),
        ("maxDequeueCount", "1", "0"),
        ("maxPollingInterval", "00:00:00.1", "00:00:00.099"),
    ],
)
def test_no_host_starts_with_an_option_out_of_its_bounds(name, within, beyond):
    queue_options(ROOT, {f"{PREFIX}{name}": within})
    with pytest.raises(HostError, match=name):
        queue_options(ROOT, {f"{PREFIX}{name}": beyond})
