"""`./lab test`: everything that has to hold, two jobs at a time."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lab import ansible
from lab.errors import UsageError
from lab.instance import Instance
from lab.paths import ROOT, STATE
from lab.verbs import Verbs

_LOGS = STATE / "test"
_SHOWN_LINES = 120
_JOB_SECONDS = 70 * 60
# To remove a lab takes half a minute, on a machine that is busy with another job.
_TIDY_SECONDS = 180

_LINT = (
    ("yamllint", "--strict", "."),
    ("ansible-lint", "--offline", "--strict"),
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy", "tools", "services/src", "tests"),
)


@dataclass(frozen=True)
class Job:
    """One named part of the suite: commands run one after the other, the first that fails ends it.

    What they leave when they are cut short ``remove`` removes.
    """

    name: str
    commands: tuple[tuple[str, ...], ...]
    help: str
    remove: tuple[str, ...] = ()


def jobs() -> list[Job]:
    """Every job, those that take longest first, so that two lanes end at about the same time."""
    scenarios = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))
    return [
        Job("lint", _LINT, "yamllint, ansible-lint (production), ruff, strict mypy"),
        Job("unit", (("pytest", "tests/unit"),), "parsers, ids, candles, the lab's own tools"),
        Job("e2e", (("pytest", "tests/e2e"),), "deploy everything, replay, restart, reboot"),
        Job(
            "integration-analytics",
            (("pytest", "tests/integration/analytics"),),
            "the Spark job with a real Kafka and a real Spark",
        ),
        Job(
            "integration",
            (("pytest", "tests/integration", "--ignore=tests/integration/analytics"),),
            "the other services with a real Kafka",
        ),
        Job("faults", (("pytest", "tests/faults/feed"),), "each fault of the exchanges, and no trade missing"),
        Job("faults-analytics", (("pytest", "tests/faults/analytics"),), "kill -9 of each part of the Spark job"),
        *(
            Job(
                f"molecule-{name}",
                (("molecule", "test", "-s", name),),
                f"the role {name} on bare hosts",
                ("molecule", "destroy", "-s", name),
            )
            for name in scenarios
        ),
    ]


def add_parsers(verbs: Verbs) -> None:
    """Add the verb `test`."""
    parser = verbs.add_parser(
        "test",
        help="run the tests",
        description="Run the whole suite, or the jobs named. Each job's output goes to .lab/test/NAME.log; "
        "a job that fails shows the end of it. Exit status 0 only if every job passed.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a job, or a role; --list shows them")
    parser.add_argument("--list", action="store_true", help="list the jobs and end")
    parser.add_argument(
        "--lanes", type=int, default=2, metavar="N", help="how many jobs at once (default: %(default)s)"
    )
    parser.set_defaults(run=run)


def run(_instance: Instance, options: argparse.Namespace) -> int:
    """Run jobs side by side; the closing line counts them."""
    known = {job.name: job for job in jobs()}
    names = [name if name in known else f"molecule-{name}" for name in options.names]
    if options.list:
        for job in known.values():
            print(f"{job.name:28} {job.help}")
        return 0
    unknown = [given for given, name in zip(options.names, names, strict=True) if name not in known]
    if unknown:
        raise UsageError(f"no test named {', '.join(unknown)}; ./lab test --list shows them")
    chosen = [known[name] for name in names] or list(known.values())
    _LOGS.mkdir(parents=True, exist_ok=True)
    ansible.testbed()
    # Also of a shell that has started this in the background, and so without SIGINT.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    failed = run_all(chosen, options.lanes)
    print(f"{len(chosen) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def run_all(chosen: Sequence[Job], lanes: int) -> list[str]:
    """Run jobs, so many at once; the names of those that failed.

    Raises:
        KeyboardInterrupt: It was interrupted; no job runs any more.
    """
    started = time.monotonic()
    running = _Running()
    with ThreadPoolExecutor(max_workers=lanes) as pool:
        try:
            pending: dict[Future[bool], Job] = {pool.submit(_run, job, running): job for job in chosen}
            failed = [pending[future].name for future in as_completed(pending) if not future.result()]
        except KeyboardInterrupt:
            print("lab: interrupted; the jobs under way remove what they made", flush=True)
            pool.shutdown(wait=False, cancel_futures=True)
            running.end()
            raise
    print(f"lab: tests took {time.monotonic() - started:.0f} s")
    return failed


class _Running:
    """The commands under way."""

    def __init__(self) -> None:
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._over = False
        self._lock = threading.Lock()

    @contextmanager
    def start(self, command: Sequence[str], output: int) -> Iterator[subprocess.Popen[bytes]]:
        """Start one, and end it if it has not by itself.

        Raises:
            KeyboardInterrupt: All were ended.
        """
        with self._lock:
            if self._over:
                raise KeyboardInterrupt
            process = _started(command, output)
            self._processes.add(process)
        try:
            yield process
        finally:
            _end([process])
            self._processes.discard(process)

    def end(self) -> None:
        """End all; no other begins."""
        with self._lock:
            self._over = True
        _end([*self._processes])


def _started(command: Sequence[str], output: int) -> subprocess.Popen[bytes]:
    # In a session of its own: how it ends at a Ctrl-C is for the suite to say.
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def _end(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    """Have groups of processes tidy up and end, as pytest does when it is interrupted but not when it is terminated."""
    left = [each for each in processes if each.poll() is None]
    for each in left:
        with suppress(ProcessLookupError):
            os.killpg(each.pid, signal.SIGINT)
    for each in left:
        try:
            each.wait(_TIDY_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(each.pid, signal.SIGKILL)
            each.wait()


def _run(job: Job, running: _Running) -> bool:
    log = _LOGS / f"{job.name}.log"
    print(f"lab: {job.name} starts", flush=True)
    started = time.monotonic()
    with log.open("w") as output:
        passed = all(_succeeds(command, output.fileno(), started, running) for command in job.commands)
        if job.remove and not passed:
            _remove(job.remove, output.fileno())
    print(
        f"lab: {job.name} {'passed' if passed else 'FAILED'} after {time.monotonic() - started:.0f} s",
        flush=True,
    )
    if not passed:
        print(_tail(log), flush=True)
    return passed


def _succeeds(command: Sequence[str], output: int, started: float, running: _Running) -> bool:
    left = _JOB_SECONDS - (time.monotonic() - started)
    os.write(output, f"$ {' '.join(command)}\n".encode())
    with running.start(command, output) as process:
        try:
            return process.wait(timeout=max(left, 1)) == 0
        except subprocess.TimeoutExpired:
            os.write(output, f"\nended: the job took more than {_JOB_SECONDS} s\n".encode())
            return False


def _remove(command: Sequence[str], output: int) -> None:
    process = _started(command, output)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_TIDY_SECONDS)
    _end([process])


def environment() -> dict[str, str]:
    """What tests find Kafka, Spark and promtool by."""
    return {
        **os.environ,
        "KAFKA_LIBS": str(STATE / "testbed" / "kafka" / "libs"),
        "SPARK_HOME": str(STATE / "testbed" / "spark"),
        "PROMTOOL": str(STATE / "testbed" / "prometheus" / "usr" / "bin" / "promtool"),
        "ANSIBLE_FORCE_COLOR": "0",
        "NO_COLOR": "1",
    }


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    shown = lines[-_SHOWN_LINES:]
    return "\n".join([f"--- the last {len(shown)} lines of {log.relative_to(ROOT)}", *shown, "---"])
