"""Which evaluations are not worth finishing, by what they report while they run."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationInfo, field_validator

from orchestrator.spec.base import SpecModel, Text, wrong

LARGEST_STEP: Final = 2**63 - 1
MIN_REPORTS: Final = 5
WARMUP_STEPS: Final = 0
REDUCTION: Final = 3
MIN_STEP: Final = 1
FROM_STEP: Final = 0

Rule = Literal["median", "halving", "threshold"]
Step = Annotated[int, Field(ge=0, le=LARGEST_STEP)]

_RULE_OF: Final = {
    "min_reports": "median",
    "warmup_steps": "median",
    "reduction": "halving",
    "min_step": "halving",
    "op": "threshold",
    "threshold": "threshold",
    "from_step": "threshold",
}
"""The keys that go with one rule only."""

_EXAMPLES: Final = {"op": 'op = ">=" or another comparison', "threshold": "threshold = 0.2 or another number"}
"""What the rule `threshold` cannot do without."""


class PruneSpec(SpecModel):
    """When a running evaluation is stopped because of what it reports; its variant is then pruned."""

    rule: Rule = Field(
        description="median: worse than the median of those that succeeded. halving: not in the best part of those that came "
        "as far. threshold: does not meet a bar.",
        examples=["median", "halving", "threshold"],
    )
    metric: Text | None = Field(
        default=None, description="The reported metric that counts. Default: the objective's.", examples=["loss"]
    )
    goal: Literal["minimize", "maximize"] | None = Field(
        default=None,
        description="For median and halving: which way the metric is better. Default: as the objective, else minimize.",
        examples=["maximize"],
    )
    min_reports: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None,
        description=f"For median: how many that succeeded must have reported the step. Default: {MIN_REPORTS}.",
        examples=[MIN_REPORTS],
    )
    warmup_steps: Step | None = Field(
        default=None,
        description=f"For median: steps before this one are not judged. Default: {WARMUP_STEPS}.",
        examples=[10],
    )
    reduction: Annotated[int, Field(ge=2, le=1_000)] | None = Field(
        default=None,
        description=f"For halving: one in so many goes on beyond a rung. Default: {REDUCTION}.",
        examples=[REDUCTION],
    )
    min_step: Annotated[int, Field(ge=1, le=LARGEST_STEP)] | None = Field(
        default=None,
        description=f"For halving: the step of the first rung; every next one is `reduction` times as far. Default: {MIN_STEP}.",
        examples=[MIN_STEP],
    )
    op: Literal[">=", "<=", ">", "<"] | None = Field(
        default=None,
        validate_default=True,
        description="For threshold: how the metric must stand to the threshold for the evaluation to go on.",
        examples=[">="],
    )
    threshold: float | None = Field(
        default=None, validate_default=True, description="For threshold: the bar.", examples=[0.2]
    )
    from_step: Step | None = Field(
        default=None,
        description=f"For threshold: steps before this one are not judged. Default: {FROM_STEP}.",
        examples=[5],
    )

    @field_validator("goal")
    @classmethod
    def _a_bar_has_no_goal(cls, goal: str | None, info: ValidationInfo) -> str | None:
        if goal is not None and info.data.get("rule") == "threshold":
            raise wrong('goes with rule = "median" or "halving"; with "threshold", op says which way is better')
        return goal

    @field_validator(*_RULE_OF)
    @classmethod
    def _goes_with_its_rule(cls, value: Any, info: ValidationInfo) -> Any:
        rule, key = info.data.get("rule"), str(info.field_name)
        if rule is None:
            return value
        if value is not None and rule != _RULE_OF[key]:
            raise wrong(f'goes with rule = "{_RULE_OF[key]}" only; the rule is "{rule}"')
        if value is None and rule == "threshold" and key in _EXAMPLES:
            raise wrong(f'is missing: rule = "threshold" needs {_EXAMPLES[key]}')
        return value
