"""`python -m orchestrator`: the daemon, `check` and `schema` without a daemon, and otherwise the command line.

A spawned worker process imports this module again (as `__mp_main__`), so nothing is imported before it is known what is wanted.
"""

import sys
from collections.abc import Sequence


def daemon_main(arguments: Sequence[str] | None = None) -> int:
    """Run the daemon; the script `orchestratord`."""
    from orchestrator.daemon.main import main as run_daemon  # noqa: PLC0415  # house: a worker must not load the daemon

    return run_daemon(sys.argv[1:] if arguments is None else arguments)


def _offline_main(arguments: Sequence[str]) -> int:
    from orchestrator.daemon.offline import main as run_offline  # noqa: PLC0415  # house: a worker must not load the daemon

    return run_offline(arguments)


def _cli_main() -> int:
    from orchestrator.cli.main import main as run_cli  # noqa: PLC0415  # house: a worker must not load the command line

    return run_cli() or 0


def main() -> int:
    """Do what the command line says and return the exit status."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["daemon"]:
        return daemon_main(arguments[1:])
    if arguments[:1] == ["schema"] or arguments[:2] == ["check", "--json-request"]:
        return _offline_main(arguments)
    return _cli_main()


if __name__ == "__main__":
    sys.exit(main())
