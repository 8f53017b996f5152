"""Log lines, their two forms, and the file they go to. Each set-up is a process's own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.daemon.logs import level_of

ROOT = str(Path(__file__).parents[3])
SET_UP = """
import logging, warnings, sys
import structlog
from orchestrator.daemon.log_file import Stream
from orchestrator.daemon.logs import level_of, set_up
set_up(Stream(1), level=level_of("info", verbosity=0), as_json=sys.argv[1] == "json")
log = structlog.get_logger("a")
"""
FACTS = """
structlog.contextvars.bind_contextvars(experiment=12)
log.debug("hidden")
log.info("iteration_finished", ref="12.3.1", seconds=0.41)
logging.getLogger("uvicorn.error").warning("half a %s", "sentence")
warnings.warn("old")
secret = "hunter2"
try:
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
"""
ROTATE = """
import os, sys
from pathlib import Path
from orchestrator.daemon.log_file import LogFile
sink = LogFile(Path(sys.argv[1]), limit_bytes=30)
for number in range(6):
    sink.write(f"line {number} {'.' * 5}\\n")
os.write(2, b"trace\\n")
"""


def output(code: str, *arguments: str) -> str:
    """What a process running this code writes to standard output."""
    process = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": ROOT},
    )
    return process.stdout


def test_each_line_is_one_json_document_of_facts() -> None:
    """Ours, libraries' and Python's warnings alike: time, level, event and bound ids; never the values of variables."""
    lines = output(SET_UP + FACTS, "json").splitlines()
    ours, library, warning, failure = map(json.loads, lines)
    assert (ours["event"], ours["ref"], ours["seconds"], ours["experiment"]) == (
        "iteration_finished",
        "12.3.1",
        0.41,
        12,
    )
    assert list(ours)[:3] == ["timestamp", "level", "event"]
    assert (library["event"], library["message"], library["logger"]) == (
        "library_message",
        "half a sentence",
        "uvicorn.error",
    )
    assert library["experiment"] == 12
    assert "old" in warning["message"]
    assert "ZeroDivisionError" in failure["exception"]
    assert "hunter2" not in "".join(lines)


def test_people_get_lines_without_json() -> None:
    """The console form names the event and its values, and shows no colours unless asked."""
    text = output(SET_UP + FACTS, "console")
    assert "iteration_finished" in text
    assert "ref=12.3.1" in text
    assert "\x1b" not in text
    assert "hunter2" not in text


def test_a_reader_that_went_away_does_no_harm() -> None:
    """Writing to a pipe nobody reads any more drops the line and raises nothing."""
    code = SET_UP + "import os\nread, write = os.pipe()\nos.close(read)\nos.dup2(write, 1)\nlog.info('x')\nos._exit(7)"
    assert subprocess.run([sys.executable, "-c", code, "json"], check=False, env=os.environ).returncode == 7


def test_the_log_file_never_grows_beyond_its_limit(tmp_path: Path) -> None:
    """At its limit it is renamed and begun anew: two files of whole lines, with standard error in the newer one."""
    path = tmp_path / "daemon.log"
    output(ROTATE, str(path))
    assert path.with_name("daemon.log.1").read_text() == "line 2 .....\nline 3 .....\n"
    assert path.read_text() == "line 4 .....\nline 5 .....\ntrace\n"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("verbosity", "level"), [(0, 40), (1, 10), (3, 10), (-1, 30)])
def test_the_command_line_overrides_the_level(verbosity: int, level: int) -> None:
    """-v shows everything, -q warnings, and otherwise the settings count."""
    assert level_of("error", verbosity=verbosity) == level
