"""`orc locks`: which locks there are and who holds them."""

from collections.abc import Iterator
from typing import Any

from orchestrator import places
from orchestrator.cli.named_locks import folder_of
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.text import NONE, age, printable, state_painter, table, terminal_columns
from orchestrator.cli.verb import verb
from orchestrator.locks import Seen, look, survey

HEADERS = ("NAME", "STATE", "PID", "REF", "SINCE", "COMMAND")
DAEMON = "(daemon)"


def _document(name: str, kind: str, seen: Seen) -> dict[str, Any]:
    holder = seen.holder
    facts = {} if holder is None else {key: getattr(holder, key) for key in ("pid", "command", "ref", "host")}
    empty = dict.fromkeys(("pid", "command", "ref", "host"))
    since = None if holder is None else holder.started
    return {"name": name, "kind": kind, "state": seen.state, **empty, **facts, "since": since, "path": str(seen.path)}


def _all(setup: Setup) -> Iterator[dict[str, Any]]:
    """The daemon's own lock first, then the named ones in order."""
    own = look(places.instance_lock(setup.session.door.state_directory))
    if own is not None:
        yield _document("orchestrator", "daemon", own)
    for name, seen in survey(folder_of(setup)):
        yield _document(name, "named", seen)


def _row(lock: dict[str, Any]) -> list[str]:
    return [
        DAEMON if lock["kind"] == "daemon" else lock["name"],
        lock["state"],
        str(lock["pid"] or NONE),
        printable(lock["ref"] or NONE),
        _since(lock["since"]),
        printable(lock["command"] or NONE),
    ]


def _since(moment: str | None) -> str:
    try:
        return age(moment)
    except (TypeError, ValueError):  # whoever may hold a lock may write anything into its file
        return printable(moment or NONE)


@verb("locks", examples=["orc locks", "orc locks --json | jq '.[] | select(.state == \"held\")'"])
@pass_setup
def command(setup: Setup) -> None:
    """List the locks of this machine that were ever taken, and who holds them. Needs no daemon.

    held: somebody holds it; free: nobody does; stale: its holder was killed, and whoever takes it next takes it over. Evaluations
    take the locks of their stage (locks = [...]), orc lock run takes one for a command. Nothing needs to be cleaned up, ever.
    """
    found = list(_all(setup))
    if setup.json:
        setup.print_json(found)
    elif found:
        columns = terminal_columns(on_terminal=setup.on_terminal)
        paint = state_painter(colour=setup.colour)
        setup.print_lines(table(HEADERS, map(_row, found), right=frozenset({"PID"}), paint=paint, columns=columns))
    else:
        setup.message("no lock was ever taken: orc lock run NAME -- CMD takes one, so do stages with locks = [...]")
