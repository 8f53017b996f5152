"""The command line as a person uses it: real processes, a state directory of their own, a daemon that starts by itself."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.locks import LockState, survey
from tests.support.processes import processes_about, processes_left

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "tests" / "fixtures" / "acceptance" / "model.py"
ORC = (sys.executable, "-P", "-c", "import sys; from orchestrator.cli.main import main; sys.exit(main())")
DEADLINE_SECONDS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a command line came to."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The error object on stdout."""
        return self.json["error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Orc:
    """`orc` with a state directory of its own."""

    home: Path

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.home / "state"

    @property
    def temporary(self) -> Path:
        """Where temporary files go."""
        return self.home / "tmp"

    @property
    def environment(self) -> dict[str, str]:
        """What every call sees."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            "ORCHESTRATOR_STATE_DIR": str(self.state),
            "ORCHESTRATOR_LOCK_DIR": str(self.home / "locks"),
            "ORCHESTRATOR_DRAIN_SECONDS": "3",
            "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.temporary),
        }

    @contextmanager
    def begin(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Start a call whose output is piped; at the end it is killed if it still runs."""
        with subprocess.Popen(
            [*ORC, *arguments],
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def __call__(self, *arguments: str, given: str | None = None) -> Ended:
        """Run a call to its end, with `given` on its stdin."""
        process = subprocess.run(
            [*ORC, *arguments],
            env=self.environment,
            cwd=self.home,
            input=given or "",
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        return Ended(status=process.returncode, out=process.stdout, err=process.stderr)

    def experiment(
        self, call: str = "evaluate", *, space: str = "x = [3, 1, 2]", more: str = "", stage: str = ""
    ) -> Path:
        """A new folder with an experiment that calls a function of the fixture."""
        folder = Path(tempfile.mkdtemp(dir=self.home, prefix=f"{call}-"))
        shutil.copy(MODEL, folder)
        text = (
            f'objective = {{ metric = "height" }}\n{more}\n[stage]\ncall = "model:{call}"\n{stage}\n[space]\n{space}\n'
        )
        (folder / "experiment.toml").write_text(text)
        return folder

    def submitted(self, call: str = "evaluate", **described: str) -> tuple[str, Path]:
        """The ref of a new experiment, and its folder."""
        folder = self.experiment(call, **described)
        ended = self("submit", str(folder))
        assert ended.status == 0, ended.err
        return ended.out.strip(), folder

    def finished(self, call: str = "evaluate", **described: str) -> str:
        """The ref of a new experiment that has ended."""
        ref, _ = self.submitted(call, **described)
        assert self("wait", ref, "--timeout", "30").status in {0, 3}
        return ref

    def pid(self) -> int:
        """The daemon's process."""
        return int(self("status", "--json").json["pid"])


def completed(orc: Orc, *words: str) -> list[str]:
    """What bash is offered behind these words, the last one unfinished."""
    environment = {
        **orc.environment,
        "_ORC_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["orc", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(ORC, env=environment, capture_output=True, text=True, check=False, timeout=20)
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@contextmanager
def holding(orc: Orc, name: str) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """A call of `orc lock run` that holds a lock, and the process of its command; at the end neither is left."""
    with orc.begin("lock", "run", name, "--", "sh", "-c", "echo held $$; exec sleep 100") as call:
        pid = int(line_with(call.stdout, "held").rsplit(maxsplit=1)[-1])
        try:
            yield call, pid
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            call.wait()


def open_gate(folder: Path) -> None:
    """Let the held evaluations of this experiment go on."""
    (folder / "gate").touch()


def wait_until_gone(pid: int, *, deadline_seconds: float = DEADLINE_SECONDS) -> None:
    """Return when the process has ended; a test that waits too long fails."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        assert poll.poll(deadline_seconds * 1000), f"process {pid} is still there"
    finally:
        os.close(descriptor)


def line_with(stream: Any, words: str) -> str:
    """The next line of a stream that holds these words; the test's timeout is the deadline."""
    seen: list[str] = []
    for line in stream:
        seen.append(line)
        if words in line:
            return str(line)
    raise AssertionError(f"{words!r} did not come, but {seen}")


@contextmanager
def private_orc() -> Iterator[Orc]:
    """An `orc` whose daemon is stopped, with everything it runs, at the end: no process, socket or temporary file is left of it."""
    home = Path(tempfile.mkdtemp(prefix="orc-"))
    orc = Orc(home=home)
    orc.temporary.mkdir()
    try:
        yield orc
    finally:
        _end(orc)
        shutil.rmtree(home, ignore_errors=True)


def _end(orc: Orc) -> None:
    """Stop the daemon, if one runs; what a failed test left running must not be waited for."""
    cancel_all(orc)
    stopped = orc("stop", "--all")
    assert stopped.status == 0, stopped.err
    assert processes_left(str(orc.home)) == {}
    assert left_behind(orc.state) == []
    assert at_work(orc) == []


def cancel_all(orc: Orc) -> None:
    """Cancel what is open, if a daemon runs."""
    listed = orc("ls", "--no-start", "--json")
    for each in listed.json if listed.status == 0 else ():
        if each["state"] in {"queued", "running", "paused"}:
            orc("cancel", str(each["id"]))


AT_REST = ("orchestrator daemon", "orchestrator.worker.keeper", "from multiprocessing")
"""In the command lines of what a daemon with nothing to do consists of."""


def at_work(orc: Orc) -> list[str]:
    """What there is besides a daemon with nothing to do: processes, locks that are held, temporary files."""
    processes = processes_about(str(orc.home)).values()
    locks = orc.home / "locks"
    seen = survey(locks) if locks.exists() else ()
    return [
        *sorted(command for command in processes if not any(words in command for words in AT_REST)),
        *sorted(f"lock {name}" for name, lock in seen if lock.state is LockState.HELD),
        *sorted(path.name for path in orc.temporary.iterdir()),
    ]


def left_behind(state: Path) -> list[str]:
    """What is in a state directory that only lives as long as a daemon or a keeper: sockets, pipes, and files of what runs."""
    work = state / "work"
    return sorted(
        str(path.relative_to(state))
        for path in state.rglob("*")
        if path.is_socket() or path.is_fifo() or (work in path.parents and not path.is_dir())
    )


def refs(documents: Sequence[dict[str, Any]]) -> list[str]:
    """The refs of documents, in order."""
    return [each["ref"] for each in documents]
