"""From rows to the JSON shapes of the interface: plain functions."""

from typing import Any

from orchestrator.store.times import rfc3339

Row = dict[str, Any]
ITERATION_COLUMNS = (
    "number",
    "stage",
    "case",
    "repeat",
    "attempt",
    "state",
    "cause",
    "error",
    "seed",
    "metrics",
    "wall_seconds",
    "cpu_seconds",
    "max_rss_bytes",
    "executor",
    "queue_seconds",
    "read_bytes",
    "written_bytes",
    "output_bytes",
)
ITERATION_STATES = ("succeeded", "failed", "running", "queued", "cancelled")


def listed(row: Row) -> Row:
    """An experiment as `ls` has it."""
    iterations = {state: row[state] for state in ITERATION_STATES}
    best = row["best"]
    return {
        "id": row["id"],
        "ref": str(row["id"]),
        "name": row["name"],
        "state": row["state"],
        "phase": row["phase"],
        "round": row["round"],
        "reason": row["reason"],
        "variant_count": row["variant_count"],
        "variants": {state: row[f"variants_{state}"] for state in ("evaluated", "failed", "pruned", "cancelled")},
        "iterations": {"total": sum(iterations.values()), **iterations},
        "cost_usd": row["cost_usd"],
        "tokens": row["tokens"],
        "best": None if best is None else f"{row['id']}.{best}",
        "created": rfc3339(row["created_us"]),
        "started": rfc3339(row["started_us"]),
        "finished": rfc3339(row["finished_us"]),
    }


def shown(row: Row, whole: Row) -> Row:
    """An experiment as `show` has it, without its variants."""
    return listed(row) | {
        "spec": whole["spec"],
        "seed": row["seed"],
        "objective": whole["spec"].get("objective"),
        "folder": whole["folder"],
        "selected": [f"{row['id']}.{number}" for number in whole["selected"]],
        "usage": whole["usage"],
    }


def variant(experiment: int, row: Row) -> Row:
    """A variant with its iterations as `show` has it."""
    ref = f"{experiment}.{row['number']}"
    rest = {key: value for key, value in row.items() if key not in {"number", "iterations"}}
    iterations = sorted(row["iterations"])
    return {"ref": ref, **rest, "iterations": [iteration(ref, values) for values in iterations]}


def iteration(variant_ref: str, values: list[Any]) -> Row:
    """An iteration as last tried."""
    found = dict(zip(ITERATION_COLUMNS, values, strict=True))
    return {"ref": f"{variant_ref}.{found.pop('number')}", **found}


def report(row: Row) -> Row:
    """A report with its time for the outside."""
    return {"step": row["step"], "time": rfc3339(row["time_us"]), "metrics": row["metrics"]}


def with_times(row: Row) -> Row:
    """A row with its times for the outside: `opened_us` becomes `opened`."""
    times = {key.removesuffix("_us"): rfc3339(value) for key, value in row.items() if key.endswith("_us")}
    return {key: value for key, value in row.items() if not key.endswith("_us")} | times


def decision(row: Row) -> Row:
    """A decision with its time for the outside."""
    return {key: value for key, value in row.items() if key != "time_us"} | {"time": rfc3339(row["time_us"])}


AFTER_THE_GATE = frozenset({"select", "decide"})


def decisions_on(experiment: int, number: int, origin: Row, decisions: list[Row]) -> list[Row]:
    """What was decided of one variant, in order: where it came from, what befell it in its round, its verdict, what followed."""
    ref = f"{experiment}.{number}"
    proposed = [
        {
            "round": round_number,
            "kind": "generate",
            "rule": "proposed" if place == 0 else "repeated",
            "message": f"proposal {ordinal} of round {round_number}",
            "inputs": {},
            "result": {"ref": ref},
            "time": None,
        }
        for place, (round_number, ordinal) in enumerate(sorted(origin["proposals"]))
    ]
    verdict = origin["verdict"]
    judged = [] if verdict is None else [_verdict(ref, origin, verdict)]
    named = [entry for entry in decisions if entry["kind"] != "gate" and _concerns(entry, ref, origin["round"])]
    before = [entry for entry in named if entry["kind"] not in AFTER_THE_GATE]
    return proposed + before + judged + [entry for entry in named if entry["kind"] in AFTER_THE_GATE]


def _concerns(entry: Row, ref: str, round_number: int) -> bool:
    """Whether a decision is one on a variant: it names it, or something in it, or was made on all of its round."""
    if entry["kind"] == "prune":
        return bool(entry["result"]["ref"] == ref)
    asked = entry["inputs"].get("ref") if entry["kind"] in {"cancel", "retry"} else None
    if asked is not None and "." in asked:
        return bool(asked == ref or asked.startswith(f"{ref}."))
    return bool(entry["round"] == round_number or ref in entry["result"].get("selected", []))


def _verdict(ref: str, origin: Row, verdict: Any) -> Row:
    passed = bool(origin["passed"])
    return {
        "round": origin["round"],
        "kind": "gate",
        "rule": "passed" if passed else "not passed",
        "message": f"score {origin['score']:.3g}: {'passed' if passed else 'did not pass'} the gate",
        "inputs": {"criteria": verdict},
        "result": {"ref": ref, "score": origin["score"], "passed": passed},
        "time": None,
    }
