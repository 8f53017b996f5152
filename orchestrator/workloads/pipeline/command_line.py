"""`detect`: which lane a change goes to, for people and as JSON."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from orchestrator.errors import OrchestratorError
from orchestrator.workloads.pipeline.change import Change
from orchestrator.workloads.pipeline.detection import Detection, detect
from orchestrator.workloads.pipeline.git_reading import PARTS, change_of
from orchestrator.workloads.pipeline.lane_file import load_lanes
from orchestrator.workloads.pipeline.lanes import Lane

USAGE = 2
JSON_VERSION = 1
_EXAMPLES = """\
examples:
  python -m orchestrator.workloads.pipeline detect                        what is not committed in this folder
  python -m orchestrator.workloads.pipeline detect --staged               in a hook before a commit
  python -m orchestrator.workloads.pipeline detect --base origin/main     what a branch would bring
  python -m orchestrator.workloads.pipeline detect --json | jq -r .lane   for a script

exit status: 0 a lane was found; 2 wrong usage, no checkout, no such revision, or a table of lanes that is not valid
"""


def main(arguments: Sequence[str]) -> int:
    """Do what the words after the program's name say; the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # paths may be any bytes
    options = _parser().parse_args(arguments)
    if options.staged + options.worktree + (options.base is not None or options.head is not None) > 1:
        return _refuse("choose one: --base and --head, --staged, or --worktree")
    try:
        return _detect(options)
    except OrchestratorError as error:
        return _refuse(str(error), error.hint)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m orchestrator.workloads.pipeline",
        description="Gates for a change, and the lane it goes to.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(required=True, metavar="detect")
    verb = verbs.add_parser(
        "detect",
        help="which lane a change goes to: docs, standard or heavy",
        description="Says which lane a change goes to, which rules say so, and how large the change is.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("--checkout", default=".", metavar="PATH", help="a folder in a git checkout; default: this one")
    verb.add_argument("--base", metavar="REV", help="what happened since the branch left this commit")
    verb.add_argument("--head", metavar="REV", help="up to this commit; default: HEAD")
    verb.add_argument("--staged", action="store_true", help="what would be committed now")
    verb.add_argument("--worktree", action="store_true", help="staged, unstaged and untracked files; the default")
    verb.add_argument("--lanes", metavar="FILE", help="another table of lanes")
    verb.add_argument("--json", action="store_true", help="one JSON object")
    return parser


def _detect(options: argparse.Namespace) -> int:
    if options.head is not None and options.base is None:
        return _refuse("--head needs --base")
    table = load_lanes(options.lanes)
    parts = ("staged",) if options.staged else PARTS
    change = change_of(Path(options.checkout), base=options.base, head=options.head, parts=parts)
    detection = detect(change, table.detection)
    lane = table.lanes[detection.lane]
    print(json.dumps(_document(detection, lane, change)) if options.json else text_of(detection, lane))
    return 0


def _refuse(message: str, hint: str | None = None) -> int:
    print(f"error: {message}" + (f"\nhint: {hint}" if hint else ""), file=sys.stderr)
    return USAGE


def text_of(detection: Detection, lane: Lane) -> str:
    """The answer for a person: the lane, what it runs, why, and the sizes."""
    sizes = detection.sizes
    counts = ", ".join(f"{getattr(sizes, kind)} {kind}" for kind in ("code", "tests", "config", "docs", "unknown"))
    files, lines = (
        f"{n} {noun}" + "s" * (n != 1) for n, noun in ((sizes.files, "file"), (sizes.changed_lines, "changed line"))
    )
    binary = f", {sizes.binary_files} binary" if sizes.binary_files else ""
    width = max(len(fired.rule) for fired in detection.fired)
    return "\n".join(
        (
            f"lane        {lane.name} (confidence {detection.confidence:.2f})",
            f"runs        {', '.join(lane.stages)}; {lane.sla_seconds:g} s a stage, {lane.limit_seconds:g} s in all",
            *(
                f"{'because' if not position else '':<12}{fired.rule:<{width}}  {fired.evidence}"
                for position, fired in enumerate(detection.fired)
            ),
            f"sizes       {files}: {counts}{binary}; {lines}",
        )
    )


def _document(detection: Detection, lane: Lane, change: Change) -> dict[str, Any]:
    return {
        "version": JSON_VERSION,
        "lane": detection.lane,
        "confidence": detection.confidence,
        "fired": [asdict(fired) for fired in detection.fired],
        "sizes": asdict(detection.sizes),
        "commit_types": sorted(change.commit_types),
        "stages": list(lane.stages),
        "strategy": lane.strategy,
        "workers": lane.workers,
        "sla_seconds": lane.sla_seconds,
        "limit_seconds": lane.limit_seconds,
    }
