"""`orc check`: what is wrong with an experiment file, or what it would run."""

from typing import Any

from orchestrator.cli import arguments, offline, sending
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.text import count, duration, number, printable, size, table
from orchestrator.cli.verb import verb
from orchestrator.client import calls

UNKNOWN = "as many as the search proposes"


def _bounds(stage: dict[str, Any]) -> list[str]:
    """How each evaluation of a stage is run, and what bounds it."""
    found = [printable(stage["executor"])]
    if stage.get("python"):
        found.append(f"by {printable(stage['python'])}")
    if stage.get("cpus", 1) > 1:
        found.append(f"{stage['cpus']} slots each")
    if stage.get("memory_bytes"):
        found.append(f"memory {size(stage['memory_bytes'])}")
    if stage.get("timeout_seconds"):
        found.append(f"timeout {duration(stage['timeout_seconds'])}")
    if stage.get("timeout_factor"):
        found.append(f"timeout {number(stage['timeout_factor'])} times the median")
    return found


def _plan_lines(plan: dict[str, Any]) -> list[str]:
    def known(key: str) -> str:
        return UNKNOWN if plan.get(key) is None else str(plan[key])

    rows = [["rounds", f"at most {plan['rounds']}" if plan.get("rounds", 1) != 1 else "1"]]
    rows += [["variants", known("variants")], ["variants a round", known("variants_per_round")]]
    rows += [["evaluations", known("evaluations")], ["at once", str(plan.get("max_parallel"))]]
    for stage in plan.get("stages") or ():
        rows.append([f"stage {printable(stage['name'])}", f"{number(stage['runs'])} ({', '.join(_bounds(stage))})"])
    return [f"  {line}" for line in table(["", ""], rows)[1:]]


def _lines(answer: dict[str, Any]) -> list[str]:
    lines = [f"{printable(answer['name'])} is valid", *_plan_lines(answer["plan"])]
    warnings = answer.get("warnings") or []
    if warnings:
        lines.append(f"{count(len(warnings), 'warning')}:")
    return lines + [f"  {printable(each['where'])}: {printable(each['message'])}" for each in warnings]


@verb("check", examples=["orc check experiment.toml", "orc check . --set search.method=random", "orc check . --json"])
@arguments.spec
@pass_setup
def command(setup: Setup, spec: str, overrides: tuple[str, ...]) -> None:
    """Check the experiment in SPEC and print its plan; nothing is submitted. Needs no daemon.

    All mistakes are reported at once, each with its place in the file; exit status 2 then.
    """
    body = sending.body_of(spec, overrides)
    answer = offline.ask_without_starting(setup, calls.check(body), arguments=["check", "--json-request"], body=body)
    if setup.json:
        setup.print_json(answer)
    else:
        setup.print_lines(_lines(answer))
