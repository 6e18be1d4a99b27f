"""What tests of every room may ask for: a host over a fresh data folder, and a clock that they turn."""

from __future__ import annotations

import gc
import os
import pkgutil
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest
import structlog
from coverage import Coverage
from hypothesis import HealthCheck, settings

from gates import shipped_gate
from kernel.scenarios.hand_clock import HandClock
from kernel.support.crash import nursery
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel.home import data_folder
from ripieno.kernel.host import Host
from same_examples import same_whatever_is_loaded
from warm_start import WarmStart, loaded

# How fast a machine makes up its examples says nothing of what they show. The suite makes up the same ones
# each time, so that no run of it fails, or covers less, by chance; `--hypothesis-profile random` makes up
# others, and prints how to have one that fails again.
settings.register_profile(
    "random", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("suite", settings.get_profile("random"), derandomize=True)
settings.load_profile("suite")
same_whatever_is_loaded()

# Whoever runs the tests may have models of their own: none of them is found.
os.environ["OLLAMA_HOST"] = "127.0.0.1:9"
for name in [one for one in os.environ if one.endswith("_API_KEY")]:
    del os.environ[name]


pytest_plugins = ("forked_workers",)

TESTS: Final = Path(__file__).parent
CORE: Final = ("model", "journal", "kernel")
ALSO: Final = (
    *("agents/test_agents_governed.py", "agents/test_sampling.py"),
    *("anchoring/test_exports.py", "anchoring/test_key_that_signs.py", "anchoring/test_restore_drill.py"),
    *("connectors/test_mcp_calls.py", "connectors/test_mcp_everything.py"),
    "connectors/test_memory_attacks.py",
    *("identity/test_directory.py", "identity/test_labels_beyond_the_workflow.py"),
    "identity/test_reading.py",
    *("mediation/test_answers_from_sources.py", "mediation/test_by_a_candidate.py"),
    *("mediation/test_checks_of_tools.py", "mediation/test_decided_before_checked.py"),
    *("mediation/test_provenance_in_runs.py", "mediation/test_provenance_of_arguments.py"),
    *("mediation/test_quoted_from_the_request.py", "mediation/test_secret_canary.py"),
    *("mediation/test_secrets_in_calls.py", "mediation/test_store_lost.py"),
    *("mediation/test_traced_anew.py", "mediation/test_vouching.py"),
    *("patterns/test_magentic_restraint.py", "patterns/test_modes.py"),
    *("patterns/test_outside_conditions.py", "retention", "telemetry/test_telemetry.py"),
    "workflows/test_limits_in_files.py",
)
"""Beside the rooms of the core: whose tests reach what of it none of theirs do.

What measuring a test takes is half of what the test takes, so that no other is measured. Crash tests are
not even there: they reach what they reach by chance, and in processes that are killed.
"""


def pytest_sessionstart() -> None:
    """Spare the collector what is loaded from here on: nearly all of it stays."""
    gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Load all of the core while it is measured: whatever loads a module first may be a test that is not.

    What is loaded then is set aside: the collector need not go through thousands of tests in each of them.
    """
    for room in CORE if Coverage.current() is not None else ():
        folder = import_module(f"ripieno.{room}")
        for module in pkgutil.walk_packages(folder.__path__, f"{folder.__name__}."):
            import_module(module.name)
    if session.config.option.workers and not session.config.option.collectonly:
        start_for_all_workers(session.items)
    gc.collect()
    gc.freeze()
    gc.enable()


def forks_children(item: pytest.Function) -> bool:
    """Tell whether a test stands beside what has children of crash tests forked."""
    return not vars(item.module).keys().isdisjoint(("calls_of", "children_of"))


def start_for_all_workers(items: Sequence[pytest.Item]) -> None:
    """Start what commands and the children of crash tests are forked from, where any are."""
    only_what_runs_tests_is_measured()
    if any(isinstance(item, pytest.Function) and forks_children(item) for item in items):
        nursery()
    if any(isinstance(item, pytest.Function) and "warm" in item.fixturenames for item in items):
        loaded()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure the tests that cover the core, in their own process, and spare the others what it costs."""
    if Coverage.current() is None or covers_the_core(item.path):
        return (yield)
    with unmeasured():
        return (yield)


@contextmanager
def unmeasured() -> Generator[None]:
    """Let coverage see nothing for a while."""
    here, in_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        threading.settrace(in_threads)
        sys.settrace(here)


def covers_the_core(test: Path) -> bool:
    """Tell whether what a test does in its own process counts."""
    counts = any(test.is_relative_to(TESTS / name) for name in (*CORE, *ALSO))
    return counts and not test.name.endswith("_crash.py")


@pytest.fixture(scope="session", autouse=True)
def interrupts_arrive() -> Iterator[None]:
    """Let Ctrl-C reach what tests start, also where the tests are themselves started with `&` by a script.

    A shell without job control has such a process ignore it, and that is inherited by all it starts.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session", autouse=True)
def only_the_tests_are_measured() -> None:
    """Let coverage follow the processes that run tests, and none that tests start.

    What the core promises is shown in the test's own process too; a process that is killed leaves no
    measurement anyhow, and each of the others would take half as long again.
    """
    only_what_runs_tests_is_measured()


def only_what_runs_tests_is_measured() -> None:
    """Have processes that are started from here on not measure themselves."""
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


@pytest.fixture(autouse=True)
def logs_are_as_they_were() -> Iterator[None]:
    """Undo what a test, or a command that it runs in its own process, says of how logs are written."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmStart]:
    """Give the process that commands are forked from."""
    with WarmStart() as warm:
        yield warm


@pytest.fixture
def clock() -> HandClock:
    """Give a clock that stands still until it is turned."""
    return HandClock()


@pytest.fixture
async def host(tmp_path: Path, clock: HandClock) -> AsyncGenerator[Host]:
    """Serve workflows over a data folder of the test's own, by its clock."""
    store = SqliteStore(data_folder(tmp_path / "data"), shipped_gate())
    await store.open()
    try:
        async with Host(store, clock=clock) as serving:
            yield serving
    finally:
        await store.close()


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give a client of AWS KMS, answered by moto."""
    moto, boto3 = import_module("moto"), import_module("boto3")  # only those who ask wait for them
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with moto.mock_aws():
        yield boto3.client("kms")


@pytest.fixture
def service(kms: Any) -> str:
    """Give the name of a service that keeps master keys: a new key of AWS KMS."""
    return f"awskms:{kms.create_key()['KeyMetadata']['KeyId']}"
