"""`orc status`: the daemon and its machine."""

from typing import Any

from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.text import NONE, count, duration, printable, size
from orchestrator.cli.verb import verb
from orchestrator.client import calls


def _lines(status: dict[str, Any]) -> list[str]:
    slots, experiments, machine = status["slots"], status["experiments"], status["machine"]
    cpu = NONE if machine.get("cpu_percent") is None else f"{machine['cpu_percent']:.0f} %"
    memory, disk = size(machine.get("memory_available_bytes")), size(machine.get("disk_free_bytes"))
    rows = [
        f"{status['state']}  version {status['version']}, pid {status['pid']}, up {duration(status['uptime_seconds'])}",
        f"slots        {slots['busy']} of {slots['total']} busy, {count(status['queue']['iterations'], 'evaluation')} waiting",
        f"experiments  {experiments['running']} running, {experiments['queued']} queued, {experiments['paused']} paused",
        f"machine      CPU {cpu}, memory {memory} free, disk {disk} free",
        f"database     {size(status['database']['bytes'])} and {size(status['database']['wal_bytes'])} of journal",
    ]
    if status.get("limited"):
        rows.insert(2, f"limited      by {', '.join(status['limited'])}; orc explain REF says more")
    if status.get("degraded"):
        rows.insert(1, f"             {printable(status['degraded'])}")
    return rows


@verb("status", examples=["orc status", "orc status --json | jq .slots"])
@pass_setup
def command(setup: Setup) -> None:
    """Show the daemon: whether it is ready, its slots, its queue, its machine, its database."""
    status = setup.session.json(calls.status())
    if setup.json:
        setup.print_json(status)
    else:
        setup.print_lines(_lines(status))
