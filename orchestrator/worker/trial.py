"""What an evaluation may ask about itself, and tell while it runs."""

from __future__ import annotations

import json
import operator
import os
import shutil
import threading
import time
from collections.abc import Callable
from typing import Any, Union

from orchestrator.worker.artifacts import Artifacts
from orchestrator.worker.results import LONGEST_TEXT, NAMES, is_name, number_of
from orchestrator.worker.thinning import begins_stride, is_kept

LARGEST_STEP = 2**63 - 1

Note = Callable[[str, Any], Union[bool, None]]
"""Passes on what a trial tells, and says whether the evaluation is to end; None when nobody took it: then the outcome brings it."""


def output_stem(job: dict[str, Any], evaluation: tuple[Any, ...]) -> str:
    """Where files of this attempt are, without their endings: `<output folder>/<variant>/<iteration>.<attempt>`."""
    return f"{job['output_folder']}/{evaluation[0]}/{evaluation[1]}.{evaluation[2]}"


class Pruned(Exception):
    """A rule has stopped this evaluation: it is not worth its time. Let it pass through, or raise it by yourself."""


class Trial:
    """One attempt at one iteration, as its evaluation sees it."""

    __slots__ = (
        "_artifacts",
        "_evaluation",
        "_job",
        "_note",
        "_process",
        "_reports",
        "_scratch",
        "_telling",
        "attempt",
        "case",
        "repeat",
        "seed",
        "shared_seed",
        "told",
    )

    Pruned = Pruned  # for whoever evaluates without this package at hand: `raise trial.Pruned`

    def __init__(self, evaluation: tuple[Any, ...], *, job: dict[str, Any], note: Note) -> None:
        self.attempt: int = evaluation[2]
        self.seed: int = evaluation[4]
        self.shared_seed: int = evaluation[5]
        self.case: str | None = evaluation[6]
        self.repeat: int = evaluation[7]
        self.told: dict[str, Any] = {}
        self._evaluation = evaluation
        self._job = job
        self._scratch: str | None = None
        self._artifacts: Artifacts | None = None
        self._note = note
        self._process = os.getpid()
        self._reports = 0
        self._telling = threading.Lock()  # the evaluation may have threads of its own

    @property
    def stage(self) -> str:
        """The name of the stage."""
        return str(self._job["stage"])

    @property
    def workdir(self) -> str:
        """The stage's working directory, which all evaluations share."""
        return str(self._job["workdir"])

    @property
    def arguments(self) -> dict[str, Any]:
        """The stage's constants besides the parameters; a new dict each time."""
        arguments: dict[str, Any] = json.loads(self._job["arguments"])
        return arguments

    @property
    def scratch(self) -> str:
        """A private folder of this attempt, made at the first access and removed when the evaluation has succeeded."""
        if self._scratch is None:
            self._scratch = output_stem(self._job, self._evaluation) + ".scratch"
            os.makedirs(self._scratch, exist_ok=True)
        return self._scratch

    def report(self, step: int, **metrics: float) -> None:
        """Tell intermediate numbers at a step. Raises Pruned when a rule has stopped this evaluation.

        Of more than ten thousand reports of an attempt every second is kept, then every fourth, and so on. Raises ValueError for a
        step that is no whole number from 0 on, and for what is not a finite number.
        """
        self._expect_own_process()
        numbers = {_named(name): _checked(name, value) for name, value in metrics.items()}
        report = {"step": _whole(step), "time_us": time.time_ns() // 1000, "metrics": numbers}
        with self._telling:
            number = report["number"] = self._reports
            self._reports += 1
            stop = self._pass_on(report) if is_kept(number) else False
        if stop:
            raise Pruned("a rule of the experiment has stopped this evaluation")

    def _expect_own_process(self) -> None:
        """A fork of the evaluation would write where the evaluation writes."""
        if os.getpid() != self._process:
            raise RuntimeError("only the evaluation's own process reports: hand the numbers to it")

    def _pass_on(self, report: dict[str, Any]) -> bool:
        answer = self._note("report", report)
        if answer is None:
            reports = self.told.setdefault("reports", [])
            reports.append(report)
            stride = begins_stride(report["number"])
            if stride is not None:
                reports[:] = [kept for kept in reports if kept["number"] % stride == 0]
        return bool(answer)

    def cost(self, *, usd: float = 0.0, tokens: int = 0) -> None:
        """Tell what was spent since the last call: US dollars, tokens. Raises ValueError for what is negative or no number."""
        self._expect_own_process()
        spent = {"usd": _checked("usd", usd), "tokens": _checked("tokens", tokens)}
        if min(spent.values()) < 0:
            raise ValueError(f"a cost is not negative; found usd={usd!r}, tokens={tokens!r}")
        with self._telling:
            total = self.told.setdefault("cost", {"usd": 0.0, "tokens": 0})
            for name, amount in spent.items():
                total[name] += amount
            self._note("cost", spent)

    def artifact(self, path: Union[str, os.PathLike[str]]) -> None:
        """Keep a copy of a file (seen from the workdir) beside the output of this attempt; one of the same name replaces it.

        When all artifacts of the attempt would be larger than the daemon's `artifact_limit_bytes` it is only named on record.
        Raises FileNotFoundError when it is not there, ValueError when it is no file, OSError when it cannot be copied.
        """
        self._expect_own_process()
        with self._telling:
            if self._artifacts is None:
                self._artifacts = Artifacts(output_stem(self._job, self._evaluation), self._job["artifact_limit_bytes"])
            artifact = self._artifacts.keep(os.path.abspath(os.path.join(self.workdir, path)))
            told = self.told.setdefault("artifacts", [])
            told[:] = [other for other in told if other["name"] != artifact["name"]] + [artifact]
            self._note("artifact", artifact)

    def remove_scratch(self) -> None:
        """What happens to the private folder after a success."""
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)


def _whole(step: Any) -> int:
    try:
        whole = operator.index(step)
    except TypeError:
        raise ValueError(f"a step is a whole number; found {step!r}") from None
    if not 0 <= whole <= LARGEST_STEP:
        raise ValueError(f"a step is a whole number from 0 to 2^63 - 1; found {step!r}")
    return whole


def _named(name: str) -> str:
    if not is_name(name):
        raise ValueError(f"{name[:LONGEST_TEXT]!r} cannot be reported: {NAMES}")
    return name


def _checked(name: str, value: Any) -> float:
    try:
        return number_of(value)
    except ValueError as problem:
        raise ValueError(f"{name} is {problem}; a finite number is needed") from None
