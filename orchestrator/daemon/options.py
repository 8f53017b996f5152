"""The daemon's command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator import __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the daemon was told on its command line; None where nothing was said."""

    state_dir: Path | None = None
    socket: Path | None = None
    config: Path | None = None
    background: bool = False  # started by a client by itself: own session, log file, leaves when idle
    ready_fd: int | None = None  # told one JSON line when ready, or why not
    as_json: bool = False  # at a terminal too
    verbosity: int = 0  # above 0: debug lines too; below 0: warnings only


def _path(text: str) -> Path:
    """A path; an empty one would mean the current directory."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    return Path(text)


def read_options(arguments: Sequence[str]) -> Options:
    """Read the command line; leaves with status 2 and a usage message when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="orc daemon",
        description="Run the daemon in the foreground, until SIGTERM or orc stop: it drains and leaves.",
        epilog="Examples:\n  orc daemon\n  orc daemon --state-dir ~/lab --config lab.toml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--state-dir", type=_path, metavar="DIR", help="where the database and all output are kept")
    parser.add_argument("--socket", type=_path, metavar="PATH", help="where to listen")
    parser.add_argument("--config", type=_path, metavar="FILE", help="the settings file")
    parser.add_argument("--background", action="store_true", help="detach, log to daemon.log, leave when idle")
    parser.add_argument("--ready-fd", type=int, metavar="N", help="descriptor that is told when the daemon is ready")
    parser.add_argument("--json", action="store_true", help="log JSON lines at a terminal too")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="log more")
    parser.add_argument("-q", "--quiet", action="count", default=0, help="log less")
    parser.add_argument("--version", action="version", version=f"orchestrator {__version__}")
    given = parser.parse_args(arguments)
    return Options(
        state_dir=given.state_dir,
        socket=given.socket,
        config=given.config,
        background=given.background,
        ready_fd=given.ready_fd,
        as_json=given.json,
        verbosity=given.verbose - given.quiet,
    )
