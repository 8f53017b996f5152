"""Claims about what is asked for and never comes."""

from orchestrator.engine.wants import never_fitting
from orchestrator.spec.experiment import ExperimentSpec
from tests.support.plans import stage

GIBIBYTE = 2**30


def test_a_stage_that_declares_more_than_all_memory_is_named_with_both_numbers() -> None:
    """Of a stage without a limit, one that declares all there is, and one that declares a byte more, the last will never start."""
    stages = [
        stage("free"),
        stage("all", memory="24GiB"),
        stage("more", memory=24 * GIBIBYTE + 1),
        stage("huge", memory="1TiB"),
    ]
    spec = ExperimentSpec.model_validate({"name": "large", "stage": stages})
    found = never_fitting(spec, memory_bytes=24 * GIBIBYTE)

    assert [(each.where, each.message) for each in found] == [
        ("stage.more.memory", "declares 24.0 GiB, the machine has 24.0 GiB: it will wait for ever"),
        ("stage.huge.memory", "declares 1.0 TiB, the machine has 24.0 GiB: it will wait for ever"),
    ]
