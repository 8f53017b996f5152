"""A condition on a metric: who is promoted, what passes the gate, when the target is reached."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator

from orchestrator.spec.base import SpecModel, Text, wrong

Operator = Literal[">=", "<=", ">", "<", "==", "!=", "between"]
Curve = Literal["linear", "exponential", "sigmoid"]


class Criterion(SpecModel):
    """A metric compared with a threshold."""

    metric: Text = Field(description="The metric that is looked at.", examples=["sharpe", "wall_seconds"])
    op: Operator = Field(description="How the metric is compared with the threshold.", examples=[">=", "between"])
    threshold: float = Field(description="What the metric is compared with; for between the lower end.", examples=[1.0])
    upper: float | None = Field(
        default=None, validate_default=True, description="The upper end, for between only.", examples=[2.0]
    )

    @field_validator("upper")
    @classmethod
    def _upper_goes_with_between(cls, upper: float | None, info: ValidationInfo) -> float | None:
        operator, threshold = info.data.get("op"), info.data.get("threshold")
        if operator == "between" and upper is None:
            raise wrong("is missing: between needs threshold and upper")
        if operator not in (None, "between") and upper is not None:
            raise wrong(f'goes with op = "between" only; found op = "{operator}"')
        if upper is not None and threshold is not None and upper <= threshold:
            raise wrong(f"must be greater than threshold ({threshold:g}); found {upper:g}")
        return upper


class GateCriterion(Criterion):
    """A criterion with a score from 0 to 1."""

    soft: float | None = Field(
        default=None,
        description="Where the score is a half: it falls from 1 at the threshold and goes on falling beyond. Without it the score is 1 or 0.",
        examples=[0.8],
    )
    curve: Curve = Field(
        default="linear", description="How the score rises from soft to threshold.", examples=["sigmoid"]
    )
    weight: float = Field(default=1.0, gt=0, description="Its share in the gate's score.", examples=[2.0])
    required: bool = Field(
        default=False, description="Whether a score under 0.5 is a required failure.", examples=[True]
    )

    @field_validator("soft")
    @classmethod
    def _soft_is_on_the_easy_side(cls, soft: float | None, info: ValidationInfo) -> float | None:
        operator, threshold = info.data.get("op"), info.data.get("threshold")
        if soft is None or operator is None or threshold is None:
            return soft
        if operator == "!=":
            raise wrong("does not go with !=, which is met or not")
        if operator in (">=", ">") and soft >= threshold:
            raise wrong(f"must be less than threshold ({threshold:g}) with {operator}; found {soft:g}")
        if operator in ("<=", "<") and soft <= threshold:
            raise wrong(f"must be greater than threshold ({threshold:g}) with {operator}; found {soft:g}")
        upper = info.data.get("upper")
        if operator in ("==", "between") and threshold <= soft <= (threshold if upper is None else upper):
            raise wrong(f"must be outside of what {operator} accepts; found {soft:g}")
        return soft


class TopShare(SpecModel):
    """The best part of a round by the objective."""

    top: float = Field(gt=0, le=1, description="The share of the variants that goes on.", examples=[0.3])


def _promotion_kind(value: Any) -> str | None:
    if isinstance(value, TopShare):
        return "top"
    if isinstance(value, Criterion):
        return "criterion"
    if not isinstance(value, dict):
        return None
    return "top" if "top" in value and "metric" not in value else "criterion"


Promotion = Annotated[
    Annotated[Criterion, Tag("criterion")] | Annotated[TopShare, Tag("top")], Discriminator(_promotion_kind)
]
"""Who goes on to the stages after: those that meet a criterion, or the best share."""
