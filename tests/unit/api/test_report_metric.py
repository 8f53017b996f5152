"""What the body of a report may say."""

from typing import Any

import pytest
from pydantic import ValidationError

from orchestrator.api.routes.report_metric import ReportBody
from orchestrator.domain.report import Spent
from orchestrator.engine.receiving import Message


def test_numbers_stay_as_they_are_sent() -> None:
    """Whole ones whole; what is not said has its default."""
    body = ReportBody.model_validate({"step": 3, "metrics": {"loss": 0.5, "seen": 20}})
    assert body.message == Message(step=3, metrics={"loss": 0.5, "seen": 20})
    assert isinstance(body.message.metrics["seen"], int)


def test_costs_need_no_step() -> None:
    """They stand by themselves."""
    assert ReportBody.model_validate({"usd": 0.5, "attempt": 2}).message == Message(
        attempt=2, metrics={}, spent=Spent(0.5, 0)
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "metrics need a step; without a step there must be usd or tokens"),
        ({"metrics": {"loss": 1}}, "metrics need a step; without a step there must be usd or tokens"),
        ({"step": 1.5}, "Input should be a valid integer"),
        ({"step": -1}, "Input should be greater than or equal to 0"),
        ({"step": 2**63}, f"Input should be less than or equal to {2**63 - 1}"),
        ({"step": 1, "metrics": {"loss": "1"}}, "must be a finite number"),
        ({"step": 1, "metrics": {"loss": True}}, "must be a finite number"),
        ({"step": 1, "metrics": {"loss": float("nan")}}, "must be a finite number"),
        ({"step": 1, "metrics": {"": 1}}, "must be 1 to 200 printable characters"),
        ({"step": 1, "metrics": {"\ud800": 1}}, "must be 1 to 200 printable characters"),
        ({"usd": -1}, "Input should be greater than or equal to 0"),
        ({"step": 1, "attempt": 0}, "Input should be greater than or equal to 1"),
        ({"step": 1, "stpe": 1}, "Extra inputs are not permitted"),
    ],
)
def test_each_mistake_has_one_sentence(body: dict[str, Any], said: str) -> None:
    """And is told once."""
    with pytest.raises(ValidationError) as caught:
        ReportBody.model_validate(body)
    assert [found["msg"] for found in caught.value.errors()] == [said]


def test_a_number_larger_than_a_column_becomes_a_float() -> None:
    """As for metrics that are returned."""
    assert ReportBody.model_validate({"step": 1, "metrics": {"n": 2**70}}).message.metrics == {"n": float(2**70)}
