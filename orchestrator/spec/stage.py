"""A stage: what is run for every variant, case and repeat, and how."""

import os
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from orchestrator.domain.states import Cause
from orchestrator.spec.base import Duration, PositiveDuration, SpecModel, unprintable, wrong, wrong_table
from orchestrator.spec.bounds import Memory, Timeout, TimeoutFactor
from orchestrator.spec.criterion import Promotion
from orchestrator.spec.locks import LockNames

BUNDLED_EXECUTORS: Final = ("adaptive", "hybrid", "sequential", "thread", "process", "isolated")
"""The executors every installation has; the first two place a stage on one of the others, by what was measured of it."""

MOVING: Final = frozenset({"adaptive", "hybrid"})

_CONTRACT = "PARAMS REF SEED SHARED_SEED STAGE CASE REPEAT ATTEMPT RESULT WORKDIR SCRATCH SOCKET"
RESERVED_ENVIRONMENT: Final = frozenset(f"ORC_{word}" for word in _CONTRACT.split())
"""What the contract of a command sets."""

_STAGE_NAME = re.compile(r"[^\W\d][\w-]*")


def _read_call(value: Any) -> Any:
    if not isinstance(value, str):
        raise wrong('must be text of the form "module:function"')
    module, colon, function = value.partition(":")
    if colon and function.isidentifier() and all(part.isidentifier() for part in module.split(".")):
        return value
    raise wrong(f'must be "module:function" with a function at the top level of the module; found "{value}"')


def _read_command(value: Any) -> Any:
    if isinstance(value, str):
        words: tuple[Any, ...] = (value,)
    elif isinstance(value, (list, tuple)):
        words = tuple(value)
    else:
        raise wrong("must be a list of words (no shell) or one text (shell)")
    for position, word in enumerate(words):
        if not isinstance(word, str):
            raise wrong(f'word {position} must be text: write "{word}" in quotes')
        if "\0" in word:
            raise wrong(f"word {position} must not contain a NUL character")
    if not words or not words[0].strip():
        raise wrong("must not be empty")
    return value if isinstance(value, str) else words


def _read_pattern(value: Any) -> Any:
    if not isinstance(value, str):
        raise wrong("must be a regular expression with one group, in text")
    try:
        groups = re.compile(value).groups
    except (re.error, RecursionError, OverflowError) as error:
        raise wrong(f"is not a valid regular expression: {error}") from None
    if groups != 1:
        raise wrong(
            f"must have exactly one group ( … ) around the number; found {groups}. Write (?: … ) for the others"
        )
    return value


def _read_variable(value: Any) -> Any:
    if isinstance(value, (int, float)):
        raise wrong(f'must be text: write "{str(value).lower()}" in quotes')
    if isinstance(value, str) and "\0" in value:
        raise wrong("must not contain a NUL character")
    return value


Call = Annotated[str, BeforeValidator(_read_call), WithJsonSchema({"type": "string", "pattern": r"^[\w.]+:\w+$"})]
Command = Annotated[
    tuple[str, ...] | str,
    BeforeValidator(_read_command),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    ),
]
Pattern = Annotated[str, BeforeValidator(_read_pattern), WithJsonSchema({"type": "string", "format": "regex"})]
Variable = Annotated[str, BeforeValidator(_read_variable)]


class Retries(SpecModel):
    """What is tried again, how often, after what wait."""

    max: int = Field(ge=0, le=1_000_000, description="How many attempts may follow the first.", examples=[2])
    backoff_seconds: Duration = Field(
        default=0.0,
        validation_alias="backoff",
        serialization_alias="backoff",
        description="The wait before the second attempt; after each failure it is twice as long, up to 5 min.",
        examples=["1s"],
    )
    on: tuple[Annotated[Cause, Field(strict=False)], ...] = Field(
        default=tuple(Cause),
        strict=False,
        min_length=1,
        description="The causes that are tried again; all of them by default.",
        examples=[["worker_lost", "signalled"]],
    )


NO_RETRIES: Final = Retries(max=0)


class StageSpec(SpecModel):
    """A step of the evaluation: a callable or a command."""

    name: str = Field(default="main", max_length=100, description="Its name.", examples=["filter"])
    call: Call | None = Field(
        default=None, description="The function to call: evaluate(params).", examples=["strategies.rsi:evaluate"]
    )
    command: Command | None = Field(
        default=None,
        validate_default=True,
        description="The command to run: a list (no shell) or one text (shell, values are quoted). "
        "Placeholders: parameters, arguments, {seed} {shared_seed} {case} {repeat} {workdir}.",
        examples=[["./backtest", "--rsi={rsi}"]],
    )
    metrics: Mapping[str, Pattern] = Field(
        default={},
        description="For commands: metric to a regular expression with one group, matched in what it prints.",
        examples=[{"ratio": r"ratio=([\d.]+)"}],
    )
    after: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="The stages that must have succeeded before; it starts then, whatever else of the variant runs.",
        examples=[["filter"]],
    )
    arguments: Mapping[str, Any] = Field(
        default={}, description="Constants besides the parameters.", examples=[{"games": 10}]
    )
    promote: Promotion | None = Field(
        default=None,
        description="Which variants go on to the stages after it: a criterion, or the best share.",
        examples=[{"top": 0.3}, {"metric": "turns", "op": ">=", "threshold": 5}],
    )
    executor: str = Field(
        default="adaptive",
        description="How it is run. adaptive: in processes, or in threads once it is known to wait and threads gain by it; "
        "hybrid: the same, as soon as it is known to wait. Commands are always isolated.",
        examples=["process", "thread"],
    )
    python: str | None = Field(
        default=None,
        min_length=1,
        max_length=4096,
        description="The interpreter that runs the call, as an isolated process; the daemon's own by default. "
        "CPython 3.9 or newer; this package need not be installed there.",
        examples=["~/proj/.venv/bin/python"],
    )
    env: Mapping[str, Variable] = Field(
        default={},
        description="Environment variables it sees besides the submitter's.",
        examples=[{"OMP_NUM_THREADS": "1"}],
    )
    workdir: str = Field(
        default=".", description="Its current directory; the file's folder by default.", examples=["build"]
    )
    timeout: Timeout | None = Field(
        default=None,
        description="How long one evaluation may take: a duration, or a factor of the median so far.",
        examples=["60s", "1.5h", {"factor": 3.0}],
    )
    memory_bytes: Memory | None = Field(
        default=None,
        validation_alias="memory",
        serialization_alias="memory",
        description="How much memory one evaluation may hold, with all processes it starts.",
        examples=["1GiB"],
    )
    cpus: int = Field(default=1, ge=1, le=100_000, description="How many slots one evaluation takes.", examples=[2])
    locks: LockNames = Field(
        default=(),
        description="Named locks of the machine one evaluation holds; who holds one of them excludes all others.",
        examples=[["gpu0"]],
    )
    retries: Retries = Field(
        default=NO_RETRIES, description="What is tried again; nothing by default.", examples=[{"max": 2}]
    )
    sla_seconds: PositiveDuration | None = Field(
        default=None,
        validation_alias="sla",
        serialization_alias="sla",
        description="How long one evaluation should take at most: a promise that is watched and reported, not enforced. "
        "Default: that of its lane.",
        examples=["30s"],
    )
    lane: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="Its class of service, as the settings have it: how it is run when its executor is adaptive, how many of its "
        "evaluations run at once, its SLA, and how long all stages of the lane may take in an experiment before that is cut short.",
        examples=["standard"],
    )

    @property
    def runs_on(self) -> str:
        """The executor that runs it, or, of one that may be placed elsewhere, the one it begins on.

        Commands are isolated, and so is by default what has a `python` of its own.
        """
        if self.command is not None:
            return "isolated"
        if self.executor == "adaptive" and self.python is not None:
            return "isolated"
        return "process" if self.executor in MOVING else self.executor

    @property
    def strategy(self) -> str | None:
        """How it is placed, `adaptive` or `hybrid`, when it may run in threads as well as in processes.

        Never what has a limit that threads cannot be held to.
        """
        bounded = self.memory_bytes is not None or self.timeout is not None or self.cpus > 1
        movable = self.command is None and self.python is None and not bounded
        return self.executor if movable and self.executor in MOVING else None

    @property
    def interpreter(self) -> str | None:
        """`python` as a program is named: a path that is absolute or seen from the workdir, or a name on the PATH."""
        return None if self.python is None else os.path.expanduser(self.python)  # noqa: PTH111 - a bare name stays one

    @property
    def timeout_seconds(self) -> float | None:
        """A fixed timeout."""
        return None if isinstance(self.timeout, TimeoutFactor) else self.timeout

    @property
    def timeout_factor(self) -> float | None:
        """Of the median so far."""
        return self.timeout.factor if isinstance(self.timeout, TimeoutFactor) else None

    @field_validator("name")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        if not _STAGE_NAME.fullmatch(name):
            raise wrong(f'must begin with a letter and have letters, digits, "_" and "-" only; found "{name}"')
        return name

    @field_validator("command")
    @classmethod
    def _call_or_command(
        cls, command: tuple[str, ...] | str | None, info: ValidationInfo
    ) -> tuple[str, ...] | str | None:
        call = info.data.get("call")
        if call is not None and command is not None:
            raise wrong_table("has both call and command; keep one of them")
        if command is None and "call" in info.data and call is None:
            raise wrong_table('needs call = "module:function" or command = ["program", "argument"]')
        return command

    @field_validator("metrics")
    @classmethod
    def _patterns_read_commands(cls, metrics: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
        if metrics and info.data.get("call") is not None:
            raise wrong("goes with command only; a callable returns its metrics")
        return metrics

    @field_validator("python")
    @classmethod
    def _python_runs_callables(cls, python: str | None, info: ValidationInfo) -> str | None:
        if python is not None and ("\0" in python or not python.strip()):
            raise wrong('must be a path or the name of a program, such as "~/proj/.venv/bin/python"')
        if python is not None and info.data.get("command") is not None:
            raise wrong("goes with call only; a command names its interpreter as its first word")
        return python

    @field_validator("env")
    @classmethod
    def _variables(cls, env: Mapping[str, str]) -> Mapping[str, str]:
        for name in env:
            if not name or "=" in name or unprintable(name):
                raise wrong(f"{name!r} cannot be the name of an environment variable")
            if name in RESERVED_ENVIRONMENT:
                raise wrong(f"{name} is set for every command; choose another name")
        return env

    @field_validator("workdir")
    @classmethod
    def _folder(cls, workdir: str) -> str:
        if not workdir or "\0" in workdir:
            raise wrong('must be a folder, such as "."')
        return workdir
