"""The command line where stdin, stdout or stderr is closed, full, or read by nobody any more."""

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.daemon import DEADLINE_SECONDS, ORC, Ended, Orc, private_orc


@pytest.fixture(scope="module")
def orc() -> Iterator[Orc]:
    """Of this file only."""
    with private_orc() as own:
        own.finished()
        yield own


def redirected(orc: Orc, *arguments: str, by: str) -> Ended:
    """A call to its end, with the redirection of a shell behind it."""
    process = subprocess.run(
        ["sh", "-c", f'exec "$@" {by}', "sh", *ORC, *arguments],
        env=orc.environment,
        cwd=orc.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    return Ended(status=process.returncode, out=process.stdout, err=process.stderr)


@pytest.mark.parametrize("arguments", [("ls",), ("wait", "1"), ("show", "1", "--json"), ("events",), ("--help",)])
@pytest.mark.parametrize("by", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_changes_no_status(orc: Orc, arguments: tuple[str, ...], by: str) -> None:
    """What would be printed there is lost as with /dev/null, and the rest is printed as ever."""
    ended, whole = redirected(orc, *arguments, by=by), orc(*arguments)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == ("" if ">&-" in by.split() else whole.out)


def test_an_experiment_is_run_with_nobody_to_tell(orc: Orc) -> None:
    """Its outcome is the exit status, also when no stream is open."""
    good, bad = orc.experiment(), orc.experiment("failing", space="x = [3]")
    assert redirected(orc, "run", str(good), by=">&-").status == 0
    assert redirected(orc, "run", str(bad), by="<&- >&- 2>&-").status == 3


@pytest.mark.parametrize("by", ["<&- 2>&-", "2>/dev/full"])
def test_the_id_is_printed_where_nothing_can_be_said(by: str) -> None:
    """A message that is lost, here that a daemon was started, stops nothing."""
    with private_orc() as own:
        ended = redirected(own, "submit", str(own.experiment()), by=by)
    assert (ended.status, ended.out, ended.err) == (0, "1\n", "")


@pytest.mark.parametrize("by", ["2>&-", ">&- 2>&-", "2>/dev/full"])
def test_an_error_that_nobody_can_read_keeps_its_status(orc: Orc, by: str) -> None:
    """2 for what is not there."""
    assert redirected(orc, "show", "999", by=by).status == 2


@pytest.mark.parametrize("arguments", [("show", "1", "--json"), ("show", "1"), ("ls",), ("export", "1"), ("--help",)])
def test_a_full_disk_is_one_sentence(orc: Orc, arguments: tuple[str, ...]) -> None:
    """On stderr, since stdout takes nothing; status 1."""
    ended = redirected(orc, *arguments, by=">/dev/full")
    assert (ended.status, ended.err) == (1, "error: the system refused: No space left on device\n")


def test_an_error_for_a_full_stdout_is_told_on_stderr(orc: Orc) -> None:
    """The one it was, with its own status."""
    ended = redirected(orc, "show", "999", "--json", by=">/dev/full")
    assert (ended.status, ended.err.splitlines()[0]) == (2, "error: there is no experiment 999")


@pytest.mark.parametrize("arguments", [("ls",), ("show", "1", "--json"), ("events",), ("--help",)])
def test_a_pipe_that_nobody_reads_ends_the_call_quietly(orc: Orc, arguments: tuple[str, ...]) -> None:
    """Status 141, as of a program that the signal of such a pipe ends."""
    process: subprocess.Popen[Any] = subprocess.Popen(
        [*ORC, *arguments], env=orc.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        process.stdout.close()  # type: ignore[union-attr]
        process.stdout = None
        _, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, err) == (141, "")
