"""Runs tests side by side, in processes forked from the one that has loaded all of them.

    pytest --workers 4

Each worker asks for a few tests at a time until there are none left. What loading thousands of tests takes
is spent once, and what a worker dies of is the failure of the test that it died in.
"""

from __future__ import annotations

import atexit
import os
import threading
import traceback
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, Final
from warnings import WarningMessage

import pytest
from coverage import Coverage

__all__ = ["RUN", "pytest_addoption", "pytest_runtestloop"]

RUN: Final = "TESTS_RUN_BY"
"""In the environment of workers: the process that they were forked from."""


SHARES: Final = 8
"""How many times a worker comes for more, were all modules of the same length: fewer leave some idle."""

GONE: Final = object()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take how many workers there are to be; none run the tests here."""
    parser.addoption(
        "--workers", type=int, default=0, metavar="N", help="run the tests in N processes, side by side"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> object:
    """Have workers run what was collected, where they are asked for."""
    if session.config.option.workers < 1 or session.config.option.collectonly or session.testsfailed:
        return None  # which leaves it to pytest
    Foreman(session, session.config.option.workers).run()
    return True


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning that is no error, by the names that plugins have for it."""

    warning_message: WarningMessage
    when: str
    nodeid: str
    location: tuple[str, int, str] | None


@dataclass(eq=False, slots=True)
class Worker:
    """A process that runs tests, as the one that hands them out knows it."""

    process: int
    line: Connection
    given: deque[int] = field(default_factory=deque[int])
    """What it has not reported yet, in the order in which it runs them."""


class Foreman:
    """Hands out the tests, and reports what came of them as if they had run here."""

    def __init__(self, session: pytest.Session, count: int) -> None:
        self._session = session
        self._left = longest_first(session.items)
        self._count = count
        self._workers: dict[Connection, Worker] = {}

    def run(self) -> None:
        """Run all tests; stop where pytest would."""
        terminal = self._session.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.showfspath = False  # of many at once it would be another with each test
        prepare(self._session)
        try:
            for _ in range(min(self._count, len(self._left))):
                self._hire()
            while self._workers:
                for line in wait(list(self._workers)):
                    assert isinstance(line, Connection), "nothing else is waited for"
                    self._hear(self._workers[line])
        finally:
            for worker in self._workers.values():
                worker.line.close()  # which they end of, once the test at hand has
                os.waitpid(worker.process, 0)

    def _hire(self) -> None:
        """Fork a worker from this process, which has run nothing yet."""
        ours, theirs = Pipe()
        process = os.fork()
        if not process:
            for line in (ours, *self._workers):
                line.close()
            become_worker(self._session, theirs)
        theirs.close()
        self._workers[ours] = Worker(process, ours)

    def _hear(self, worker: Worker) -> None:
        """Take note of what came of a test, of a warning, or of a worker's end; else it wants more to do."""
        config = self._session.config
        told = heard(worker.line)
        if told is GONE:
            self._bury(worker)
        elif told is None:
            more = self._share()
            worker.given.extend(more)
            worker.line.send(more)
        elif isinstance(told, Warned):
            config.hook.pytest_warning_recorded.call_historic(kwargs=asdict(told))
        else:
            reports = [
                config.hook.pytest_report_from_serializable(config=config, data=report) for report in told
            ]
            self._report(self._session.items[worker.given.popleft()], reports)

    def _share(self) -> list[int]:
        """Take some of what is left: of one module, as what is prepared for it is prepared by each worker."""
        share: list[int] = []
        size = max(1, len(self._left) // (SHARES * self._count))
        while self._left and len(share) < size:
            if share and self._path(self._left[0]) != self._path(share[0]):
                break
            share.append(self._left.popleft())
        return share

    def _path(self, number: int) -> object:
        return self._session.items[number].path

    def _report(self, item: pytest.Item, reports: Sequence[pytest.TestReport]) -> None:
        """Tell all plugins what came of a test, and heed those that want to stop."""
        hook = item.config.hook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in reports:
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        if self._session.shouldfail:
            raise self._session.Failed(self._session.shouldfail)
        if self._session.shouldstop:
            raise self._session.Interrupted(self._session.shouldstop)

    def _bury(self, worker: Worker) -> None:
        """See what a worker ended of; one that still had tests has a successor for the others."""
        worker.line.close()
        del self._workers[worker.line]
        _, status = os.waitpid(worker.process, 0)
        code = os.waitstatus_to_exitcode(status)
        if not worker.given:
            if code:
                msg = f"a worker ended with {code} when it had run its tests; what it said stands above"
                raise RuntimeError(msg)
            return
        item = self._session.items[worker.given.popleft()]
        said = f"the worker that ran {item.nodeid} ended with {code}; what it said stands above"
        self._left.extendleft(reversed(worker.given))
        self._hire()
        self._report(item, [pytest.TestReport(item.nodeid, item.location, {}, "failed", said, when="call")])


def heard(line: Connection) -> Any:
    """Give what a worker says, `GONE` where it is no more."""
    try:
        return line.recv()
    except (EOFError, ConnectionError):
        return GONE


def longest_first(items: Sequence[pytest.Item]) -> deque[int]:
    """Give the order in which tests are handed out: at the end none keeps a worker while others idle.

    Crash tests take seconds each.
    """
    return deque(sorted(range(len(items)), key=lambda each: not items[each].path.stem.endswith("_crash")))


def prepare(session: pytest.Session) -> None:
    """Make what workers share, and end what each has to have for itself."""
    assert threading.active_count() == 1, f"no worker would have {threading.enumerate()[1:]}"
    os.environ[RUN] = str(os.getpid())
    places: pytest.TempPathFactory = getattr(session.config, "_tmp_path_factory")  # noqa: B009 - pytest's own
    places.getbasetemp()  # which the first who asks makes
    capture = session.config.pluginmanager.get_plugin("capturemanager")
    if capture is not None:
        capture.stop_global_capturing()


def become_worker(session: pytest.Session, line: Connection) -> None:
    """Run tests in this process, which was just forked, and end with it."""
    code = 1
    try:
        atexit._clear()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the other's end is not ours
        with measured():
            work(session, line)
        atexit._run_exitfuncs()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - nothing else does it
        code = 0
    except (ConnectionError, EOFError, KeyboardInterrupt):
        pass  # nobody wants to know any more
    except BaseException:  # noqa: BLE001 - it must not go on as the process that it was forked from
        traceback.print_exc()
    os._exit(code)


@contextmanager
def measured() -> Generator[None]:
    """Measure this process by itself, where the one that it was forked from is measured."""
    outer = Coverage.current()
    if outer is None:
        yield
        return
    outer.stop()
    own = Coverage()
    own.start()
    try:
        yield
    finally:
        own.stop()
        own.save()


def work(session: pytest.Session, line: Connection) -> None:
    """Run what is handed out until there is no more."""
    config = session.config
    capture = config.pluginmanager.get_plugin("capturemanager")
    if capture is not None:
        capture.start_global_capturing()
        capture.suspend_global_capture()
    teller = Teller(config, line)
    config.pluginmanager.unregister(name="terminalreporter")
    config.pluginmanager.register(teller, "terminalreporter")
    teller.at_work = True
    given = deque(teller.more())
    while given:
        if len(given) == 1:  # a test is told which comes next, so that it leaves what that needs as well
            given.extend(teller.more())
        item = session.items[given.popleft()]
        following = session.items[given[0]] if given else None
        config.hook.pytest_runtest_protocol(item=item, nextitem=following)


class Teller:
    """Tells the process that hands out the tests what came of each, and nobody else."""

    def __init__(self, config: pytest.Config, line: Connection) -> None:
        self._config = config
        self._line = line
        self._reports: list[dict[str, Any] | None] = []
        self.at_work = False
        """Not before it is registered, when it hears of the warnings that there were before."""
        self._tw = config.get_terminal_writer()  # where the stacks of a test stand that takes too long

    def more(self) -> list[int]:
        """Ask for more tests; there are none when none are given."""
        self._line.send(None)
        return self._line.recv()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what came of a part of a test."""
        told = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._reports.append(told)

    def pytest_runtest_logfinish(self) -> None:
        """Tell it when it is whole."""
        self._line.send(self._reports)
        self._reports = []

    def pytest_warning_recorded(
        self, warning_message: WarningMessage, when: str, nodeid: str, location: tuple[str, int, str] | None
    ) -> None:
        """Tell of a warning that is no error."""
        if not self.at_work:
            return
        plain = WarningMessage(
            UserWarning(str(warning_message.message)),
            warning_message.category,
            warning_message.filename,
            warning_message.lineno,
        )
        self._line.send(Warned(plain, when, nodeid, location))
