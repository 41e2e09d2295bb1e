"""Real parts: Azurite for storage, the SDKs over HTTP against the simulated Azure."""

import functools
import gc
import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import hypothesis
import pytest
import time_machine
from azure.core.pipeline.transport import HttpTransport

from local import bicep as compiler
from local import pwsh as powershell
from local.azure.server import SimulatedAzure
from local.azurite import Azurite
from local.plain_http import http
from local.stack import HostProcess, Running, start_other
from local.warm import PipedProcess
from shared.app import App
from shared.settings import Settings

from .builders.azure import OTHER_SUBSCRIPTION, SUBSCRIPTION, ask_azure
from .builders.held import Held
from .builders.installed import Installed
from .builders.missing import without
from .builders.once import once
from .builders.powershell import PowerShell
from .builders.runs import START
from .builders.settings import event_queues, poison_queues, run_queues, timers
from .deployed import Deployed
from .described import checked_at
from .receiver import Receiver
from .rights import note_actions

pytest_plugins = ["tests.distribution"]

# A busy machine is no fault.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Collections of garbage pass over what is there now: most of it lives as long as the tests."""
    gc.freeze()


ACCOUNTS = [f"account{number}" for number in range(1000)]

type MakeApp = Callable[..., App]
type MakeHost = Callable[..., HostProcess]
type Prepare = Callable[[SimulatedAzure, App], str]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A host whose Azure and storage are as an app has left them, and what the preparation said."""

    host: HostProcess
    app: App
    said: str


@pytest.fixture(scope="session")
def azurite() -> Iterator[Callable[[], str]]:
    """Each call gives the connection string of an account that nobody has used."""
    with ExitStack() as stack:
        yield functools.partial(next, _fresh_accounts(stack))


def _fresh_accounts(stack: ExitStack) -> Iterator[str]:
    """Azurite gets its accounts in one variable, which has no room for more."""
    while True:
        running = stack.enter_context(Azurite(accounts=ACCOUNTS))
        yield from map(running.connection_string, ACCOUNTS)


@pytest.fixture(scope="session")
def bicep() -> Iterator[compiler.Bicep]:
    """One process serves all tests. `.ci/run` sets BICEP=none if there is no way to install it."""
    program = compiler.installed()
    if program is None:
        without(compiler.HOW_TO_GET_IT, variable="BICEP")
    with compiler.Bicep(program) as running:
        yield running


@pytest.fixture(scope="session")
def pwsh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PowerShell. Without it the test is skipped by name, and fails in CI."""
    program = once(
        tmp_path_factory, "pwsh", lambda: powershell.installed(tmp_path_factory.mktemp("pwsh"))
    )
    if program is None:
        without(powershell.HOW_TO_GET_IT, variable="PWSH")
    return program


@pytest.fixture(scope="session")
def powershell_session(pwsh: Path) -> Iterator[PowerShell]:
    """PowerShell for scripts that need no process of their own."""
    with PowerShell(pwsh) as running:
        yield running


@pytest.fixture(scope="session")
def installed() -> Iterator[Installed]:
    """Our command line, as a program for scripts."""
    with Installed() as running:
        yield running


@pytest.fixture
def storage(azurite: Callable[[], str]) -> str:
    return azurite()


@contextmanager
def _simulated_azure(*, is_tried_itself: bool = False) -> Iterator[SimulatedAzure]:
    with SimulatedAzure() as running:
        for subscription in (SUBSCRIPTION, OTHER_SUBSCRIPTION):
            running.state.add_group(subscription, "rg")
        if not is_tried_itself:
            running.state.poll_seconds = 0  # so that no test waits before it looks again
        yield running
        if not is_tried_itself:
            note_actions(running.state.log)


@pytest.fixture
def azure(request: pytest.FixtureRequest) -> Iterator[SimulatedAzure]:
    with _simulated_azure(is_tried_itself=request.path.parent.name == "azure") as running:
        yield running


@pytest.fixture(scope="module")
def common_azure() -> Iterator[SimulatedAzure]:
    """The Azure of the hosts that tests of a module share."""
    with _simulated_azure() as running:
        yield running


@pytest.fixture
def ask(azure: SimulatedAzure) -> Callable[..., httpx.Response]:
    """Ask the simulated Azure as the app's own identity."""
    return functools.partial(ask_azure, azure)


@pytest.fixture
def ask_as_person(azure: SimulatedAzure) -> Callable[..., httpx.Response]:
    """Ask the simulated Azure as somebody who has signed in with the Azure CLI."""
    token = http().get(f"{azure.url}/simulator/token").text
    return functools.partial(ask_azure, azure, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The time stands still at START, until a test shifts it."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def held(azure: SimulatedAzure) -> Iterator[Held]:
    """No read of a route table is answered, until the test lets them go on."""
    held = Held(azure.state)
    yield held
    held.let_go()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Take the notices of an app whose settings name this webhook."""
    with Receiver() as running:
        yield running


@pytest.fixture
def deployed() -> Iterator[Deployed]:
    """The app as the command line meets it: its record in storage, and its health."""
    with Deployed() as running:
        yield running


@pytest.fixture
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDKs try again at once, instead of after seconds."""
    monkeypatch.setattr(HttpTransport, "sleep", lambda _transport, _seconds: None)


@pytest.fixture
def app_settings(azure: SimulatedAzure, storage: str) -> dict[str, str]:
    return _settings(azure, storage)


def _settings(azure: SimulatedAzure, storage: str) -> dict[str, str]:
    return {
        **azure.environment(),
        "AzureWebJobsStorage": storage,
        "SERVICE_TAG_SUBSCRIPTION_ID": SUBSCRIPTION,
        "SERVICE_TAG_LOCATIONS": "westeurope",
        "REMOVAL_GRACE_DAYS": "0",
        # The timers would come in the middle of a test.
        "SYNC_SCHEDULE": "0 0 6 * * 3",
        "CHECK_SCHEDULE": "0 20 5 * * *",
        **timers("true"),
        # No test waits for the polls of a real host, which are further apart. But each poll takes
        # processor time from what the tests wait for. So a host looks for events and for messages
        # that failed only if its test switches these functions on.
        **event_queues("true"),
        **poison_queues("true"),
        "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.3",
    }


@pytest.fixture
def make_app(app_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> MakeApp:
    """An App of this process on Azurite and the simulated Azure."""
    _identify(app_settings, monkeypatch)

    def make(**changed: str) -> App:
        return App(Settings.read({**app_settings, **changed}))

    return make


def _identify(settings: Mapping[str, str], patch: pytest.MonkeyPatch) -> None:
    """Let this process get the tokens of the app's identity."""
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        patch.setenv(name, settings[name])


@pytest.fixture
def app(make_app: MakeApp) -> App:
    return make_app()


def _start(environment: Mapping[str, str]) -> Running:
    if os.environ.get("HOST_COMMAND"):  # `make conformance-host`
        return start_other(environment)
    return PipedProcess("local.host", env=environment)


@pytest.fixture
def make_host(app_settings: dict[str, str]) -> Iterator[MakeHost]:
    """The Functions host, in a process of its own, stopped when the test ends."""
    with _hosts(app_settings) as make:
        yield make


@pytest.fixture(scope="module")
def make_common_host(
    azurite: Callable[[], str], common_azure: SimulatedAzure
) -> Iterator[MakeHost]:
    """Several tests of a module share these hosts.

    Such a test leaves nothing behind that another one looks at.
    """
    with _hosts(_settings(common_azure, azurite())) as make:
        yield make


@pytest.fixture(scope="module")
def prepared(azurite: Callable[[], str]) -> Iterator[Callable[[Prepare], Prepared]]:
    """Several tests of a module look at these hosts, each of which is prepared once.

    No host carries out a run.
    """
    running = ExitStack()

    @functools.cache
    def make(prepare: Prepare) -> Prepared:
        azure = running.enter_context(_simulated_azure())
        settings = _settings(azure, azurite()) | run_queues("true")
        with pytest.MonkeyPatch.context() as patch:
            _identify(settings, patch)
            app = App(Settings.read(settings))
            said = prepare(azure, app)
        return Prepared(running.enter_context(_hosts(settings))(), app, said)

    with running:
        yield make


@contextmanager
def _hosts(usual: Mapping[str, str]) -> Iterator[MakeHost]:
    """Each answer of the app is compared with the app's own description."""
    numbers = itertools.count()
    running = ExitStack()

    def make(*, without: tuple[str, ...] = (), **changed: str) -> HostProcess:
        settings = {k: v for k, v in {**usual, **changed}.items() if k not in without}
        host = HostProcess(settings, key=f"key-{next(numbers)}", start=_start)
        running.enter_context(host)
        if "AzureWebJobsScriptRoot" not in settings:
            running.enter_context(checked_at(host.url))
        return host

    with running:
        yield make


@pytest.fixture
def host(make_host: MakeHost) -> HostProcess:
    return make_host()


@pytest.fixture(scope="module")
def common_host(make_common_host: MakeHost) -> HostProcess:
    return make_common_host()
