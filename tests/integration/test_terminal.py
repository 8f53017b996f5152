"""The command line at a terminal: pictures and colour there, plain text elsewhere."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.daemon import ORC, Orc, private_orc

COLOUR = "\x1b[32m"  # green, of what went well
ERASE_LINE = "\x1b[2K"  # what draws a picture again in its place needs it


@pytest.fixture(scope="module")
def orc() -> Iterator[Orc]:
    """Of this file only."""
    with private_orc() as own:
        own.finished()
        yield own


def at_terminal(orc: Orc, *arguments: str, status: int = 0, **environment: str) -> str:
    """What a call writes to a terminal of the usual size."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [*ORC, *arguments],
        env={**orc.environment, "TERM": "xterm", "COLUMNS": "100", "LINES": "30", **environment},
        cwd=orc.home,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        text = _read(ours)
    assert process.returncode == status, text
    return text


def _read(terminal: int) -> str:
    pieces: list[bytes] = []
    with os.fdopen(terminal, "rb", buffering=0) as file:
        try:
            while piece := file.read(65536):
                pieces.append(piece)
        except OSError:  # how the kernel says that nobody has the other end open any more
            pass
    return b"".join(pieces).decode()


def test_colour_is_for_terminals_that_may_have_it(orc: Orc) -> None:
    """States are coloured at a terminal; not with NO_COLOR, not on a dumb one, not in a pipe."""
    assert f"{COLOUR}succeeded" in at_terminal(orc, "ls")
    assert "\x1b" not in at_terminal(orc, "ls", NO_COLOR="1")
    assert "\x1b" not in at_terminal(orc, "ls", TERM="dumb")
    assert "\x1b" not in orc("ls").out


def test_progress_is_a_picture_at_a_terminal_and_lines_elsewhere(orc: Orc) -> None:
    """Bars of every level that are drawn in place and taken away; with NO_COLOR too; in a pipe a line says the same."""
    folder = str(orc.experiment(more='cases = ["a", "b"]'))
    for no_colour in ("", "1"):
        drawn = at_terminal(orc, "run", folder, NO_COLOR=no_colour)
        assert all(
            level in drawn for level in ("rounds", "variants of this round", "case a", "all evaluations", "elapsed")
        )
        assert ERASE_LINE in drawn
        assert "succeeded in" in drawn.splitlines()[-1]
        assert (COLOUR in drawn) == (not no_colour)
    plain = orc("run", folder)
    assert "\x1b" not in plain.out + plain.err
    assert "round 1 of 1" in plain.err
    assert "all evaluations" not in plain.err


def test_a_document_is_indented_for_a_person_and_on_one_line_for_a_program(orc: Orc) -> None:
    """With --json nothing is drawn and nothing is coloured anywhere."""
    at, piped = at_terminal(orc, "best", "1", "--json"), orc("best", "1", "--json").out
    assert "\x1b" not in at
    assert '\r\n  "ref": "1.3"' in at
    assert piped.count("\n") == 1


@pytest.mark.parametrize("arguments", [("--json", "daemon"), ("daemon", "--json")])
def test_a_daemon_logs_for_people_at_a_terminal_unless_it_is_told_otherwise(arguments: tuple[str, ...]) -> None:
    """Without --json a line begins with the time, with it every line is a document; it says why it does not start either way."""
    with private_orc() as own:
        own.state.mkdir()
        (own.state / "orchestrator.db").write_text("no database")
        plain, lines = (at_terminal(own, *each, status=1) for each in (("daemon",), arguments))
    assert plain[0] != "{"
    assert lines.splitlines()[0].startswith('{"timestamp": ')
    assert "orchestrator.db" in plain
    assert "orchestrator.db" in lines
