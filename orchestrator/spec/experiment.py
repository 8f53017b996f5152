"""The whole experiment as one frozen value."""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from orchestrator.domain.refs import looks_like_ref
from orchestrator.spec.base import PositiveDuration, SpecModel, Text, unprintable, wrong, wrong_table
from orchestrator.spec.criterion import Criterion, GateCriterion
from orchestrator.spec.prune import PruneSpec
from orchestrator.spec.space import Parameter
from orchestrator.spec.stage import StageSpec

LARGEST_SEED = 2**32 - 1
MOST = 1_000_000_000

Aggregate = Literal["mean", "median", "worst"]
Count = Annotated[int, Field(ge=1, le=MOST)]


class Objective(SpecModel):
    """What is better."""

    metric: Text = Field(
        description="The metric that decides. Every stage that nothing comes after must report it.", examples=["sharpe"]
    )
    goal: Literal["minimize", "maximize"] = Field(
        default="minimize", description="Which way is better.", examples=["maximize"]
    )


class SearchSpec(SpecModel):
    """Where variants come from."""

    method: Literal["list", "grid", "random"] = Field(
        default="random",
        description="How variants are made. Default: grid when every parameter is finite, else random.",
        examples=["grid"],
    )
    variants: Count | None = Field(
        default=None,
        description="Variants per round. Default: grid and list all, in one round, of which a number takes the first; else 5.",
        examples=[5],
    )
    params: tuple[Mapping[str, Any], ...] = Field(
        default=(),
        strict=False,
        validate_default=True,
        description="For list: one table of parameters a variant.",
        examples=[[{"x": 1.0}, {"x": 2.0}]],
    )

    @property
    def variants_per_round(self) -> int | None:
        """How many a round asks for; None: all there are."""
        return self.variants if self.variants is not None or self.method != "random" else 5

    @field_validator("params")
    @classmethod
    def _params_are_a_list(cls, params: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
        method = info.data.get("method")
        if method == "list" and not params:
            raise wrong('is missing: method = "list" needs params = [{ … }, { … }], one table a variant')
        if method not in (None, "list") and params:
            raise wrong(f'goes with method = "list" only; the method is "{method}"')
        return params


class GateSpec(SpecModel):
    """What a variant must reach to be selected."""

    min_score: float = Field(
        default=0.7, ge=0, le=1, description="The weighted mean score that passes.", examples=[0.7]
    )
    max_required_failures: int = Field(
        default=0, ge=0, le=MOST, description="How many required criteria may fail.", examples=[0]
    )
    criterion: tuple[GateCriterion, ...] = Field(
        strict=False,
        min_length=1,
        description="What is scored.",
        examples=[[{"metric": "sharpe", "op": ">=", "threshold": 1.0, "soft": 0.8}]],
    )


class SelectSpec(SpecModel):
    """Which of the variants that passed go on."""

    method: Literal["best", "top_k", "passing"] = Field(
        default="best", description="How winners are chosen.", examples=["top_k"]
    )
    k: Count | None = Field(default=None, validate_default=True, description="For top_k: how many.", examples=[3])

    @field_validator("k")
    @classmethod
    def _k_goes_with_top_k(cls, k: int | None, info: ValidationInfo) -> int | None:
        method = info.data.get("method")
        if method == "top_k" and k is None:
            raise wrong('is missing: method = "top_k" needs k = 3 or another number')
        if method not in (None, "top_k") and k is not None:
            raise wrong(f'goes with method = "top_k" only; the method is "{method}"')
        return k


class LoopSpec(SpecModel):
    """When another round follows."""

    max_rounds: Count = Field(default=5, description="Rounds at most, the first included.", examples=[5])
    target: Criterion | None = Field(
        default=None,
        description="It ends as soon as a variant reaches this.",
        examples=[{"metric": "sharpe", "op": ">=", "threshold": 2.0}],
    )
    patience: Count | None = Field(
        default=None, description="Rounds without an improvement after which it ends.", examples=[5]
    )
    min_improvement: float = Field(
        default=0.0, ge=0, description="What counts as an improvement of the objective.", examples=[0.01]
    )
    on_failure: Literal["generate", "abandon"] = Field(
        default="generate", description="What follows a round in which nothing passed.", examples=["abandon"]
    )


class MaxFailures(SpecModel):
    """The breaker: it trips when both are exceeded."""

    count: int | None = Field(default=None, ge=0, le=MOST, description="Failed evaluations it bears.", examples=[50])
    ratio: float | None = Field(
        default=None,
        ge=0,
        le=1,
        validate_default=True,
        description="Share of the finished evaluations that may fail.",
        examples=[0.5],
    )

    @field_validator("ratio")
    @classmethod
    def _one_of_them(cls, ratio: float | None, info: ValidationInfo) -> float | None:
        if ratio is None and "count" in info.data and info.data["count"] is None:
            raise wrong_table("needs count, ratio or both")
        return ratio


class LimitsSpec(SpecModel):
    """Hard stops."""

    max_parallel: Count = Field(default=5, description="Evaluations executing at one instant.", examples=[5])
    evaluations: Count | None = Field(default=None, description="Iterations at most.", examples=[500])
    wall_seconds: PositiveDuration | None = Field(
        default=None,
        validation_alias="wall",
        serialization_alias="wall",
        description="How long the experiment may take, without the time it is paused.",
        examples=["2h"],
    )
    max_failures: MaxFailures | None = Field(
        default=None,
        description="The breaker: the experiment fails when both are exceeded, looked at whenever a batch has ended.",
        examples=[{"count": 50, "ratio": 0.5}],
    )


class ShareSpec(SpecModel):
    """Its standing among experiments."""

    priority: int = Field(
        default=0,
        ge=-MOST,
        le=MOST,
        description='Higher goes first; with allocation = "priority" it is the share.',
        examples=[10],
    )
    allocation: Literal["equal", "priority", "dynamic"] = Field(
        default="equal",
        description="What share of slots and threads it gets while others of its priority want them too: as much as any, "
        "in proportion to its priority, or in proportion to the evaluations it has left.",
        examples=["dynamic"],
    )


def name_problem(name: str) -> str | None:
    """Why this cannot be an experiment's name, or None."""
    if not name.strip():
        return "must not be empty"
    if looks_like_ref(name):
        return f'"{name}" looks like a reference; a name must not have the form 12, 12.3 or 12.3.1'
    if "/" in name or unprintable(name):
        return 'must not contain "/" or control characters'
    if name in (".", "..") or name != name.strip() or name.startswith("-"):
        return 'must not be "." or "..", begin with "-", or begin or end with a blank'
    return None


def _read_name(name: str) -> str:
    problem = name_problem(name)
    if problem:
        raise wrong(problem)
    return name


def _each_once(cases: tuple[str, ...]) -> tuple[str, ...]:
    twice = [case for case, number in Counter(cases).items() if number > 1]
    if twice:
        raise wrong(f"has {', '.join(map(repr, twice[:5]))} more than once")
    return cases


class ExperimentSpec(SpecModel):
    """An experiment file, read and checked."""

    name: Annotated[str, AfterValidator(_read_name)] = Field(
        default="experiment", max_length=200, description="Default: the file's folder name.", examples=["rsi"]
    )
    description: str = Field(default="", description="A sentence for people.", examples=["RSI thresholds."])
    seed: int | None = Field(
        default=None, ge=0, le=LARGEST_SEED, description="Default: drawn and recorded.", examples=[42]
    )
    tags: tuple[Text, ...] = Field(default=(), strict=False, description="Words to find it by.", examples=[["demo"]])
    objective: Objective | None = Field(
        default=None,
        description="What is better. Default: the only metric, minimize.",
        examples=[{"metric": "sharpe", "goal": "maximize"}],
    )
    cases: Annotated[tuple[Text, ...], AfterValidator(_each_once)] = Field(
        default=(), strict=False, description="Slices every variant is evaluated on.", examples=[["1-5", "6-9"]]
    )
    repeats: int = Field(
        default=1, ge=1, le=1_000_000, description="Evaluations of each case, each with its own seed.", examples=[3]
    )
    aggregate: Aggregate = Field(
        default="mean", description="What a variant's metric is over cases and repeats.", examples=["median"]
    )
    on_error: Literal["continue", "fail"] = Field(
        default="continue", description="Whether a failed variant fails the experiment at once.", examples=["fail"]
    )
    stages: tuple[StageSpec, ...] = Field(
        validation_alias="stage",
        serialization_alias="stage",
        strict=False,
        min_length=1,
        description="What is run for every variant: one table, or an array of tables.",
        examples=[{"call": "model:evaluate"}],
    )
    space: Mapping[str, Parameter] = Field(
        default={}, description="What is varied.", examples=[{"x": {"low": -5.0, "high": 5.0}}]
    )
    search: SearchSpec = Field(
        default=SearchSpec(), description="Where the variants of a round come from.", examples=[{"method": "grid"}]
    )
    prune: PruneSpec | None = Field(
        default=None,
        description="When a running evaluation is stopped because of what it reports.",
        examples=[{"rule": "median", "metric": "loss"}],
    )
    gate: GateSpec | None = Field(
        default=None,
        description="What a variant must reach.",
        examples=[{"criterion": [{"metric": "sharpe", "op": ">=", "threshold": 1.0}]}],
    )
    select: SelectSpec = Field(
        default=SelectSpec(), description="Which variants win.", examples=[{"method": "top_k", "k": 3}]
    )
    loop: LoopSpec = Field(
        default=LoopSpec(), description="When another round follows, and when none does.", examples=[{"max_rounds": 5}]
    )
    limits: LimitsSpec = Field(
        default=LimitsSpec(), description="Hard stops of the whole experiment.", examples=[{"evaluations": 500}]
    )
    share: ShareSpec = Field(default=ShareSpec(), description="Its standing.", examples=[{"priority": 10}])
