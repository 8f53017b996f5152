"""Mistakes that engines of this kind are known to make, and the claim of ours that each of them would break.

The table is the list; the tests below it are those claims that have no better place.
"""

import ast
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache

import pytest

from orchestrator.settings import Settings, read_lanes
from orchestrator.workloads.pipeline import load_lanes
from tests.support.house import PACKAGE, ROOT, Source, sources, under

STAGES = "unit/search/stages"
MISTAKES: dict[str, tuple[str, ...]] = {
    "adaptive is one thread that looks at nothing and never changes": (
        "integration/test_engine_placing.py::test_a_stage_that_waits_moves_to_threads_on_record",
        "integration/test_engine_placing.py::test_adaptive_runs_as_many_at_once_as_there_are_slots",
        "integration/test_engine_placing.py::test_code_that_does_not_bear_threads_comes_back_and_nothing_is_lost_by_it",
        f"{STAGES}/test_placement.py::test_adaptive_moves_only_past_the_margins",
        "unit/engine/test_placing.py::test_threads_that_slow_each_other_down_are_left_again",
    ),
    "what is sent to a process cannot be pickled": (
        "unit/spec/test_wrong_files.py::test_a_wrong_file_gets_all_its_problems_and_no_other",
        "unit/executors/test_payload.py::test_what_crosses_to_a_process_is_plain_values",
        "contract/test_executor_contract.py::test_what_cannot_be_pickled_is_an_invalid_result",
    ),
    "what was measured in a child is lost with it": (
        "integration/test_usage.py::test_every_executor_measures_every_attempt",
        "unit/executors/test_verdict.py::test_what_an_interrupted_one_had_used_is_told",
    ),
    "hybrid is processes only": (
        f"{STAGES}/test_placement.py::test_what_waits_goes_to_threads_and_says_why",
        "integration/test_engine_placing.py::test_hybrid_computes_in_processes_and_waits_in_threads",
    ),
    "utilisation is the rate of success, and above 100 % when it is asked for twice": (
        f"{STAGES}/test_figures.py::test_utilisation_is_busy_time_and_not_success",
        f"{STAGES}/test_figures.py::test_no_pool_is_busier_than_its_workers_can_be",
    ),
    "advice follows from a run that went well: more workers, or from 2 to 2": (
        f"{STAGES}/test_sizing.py::test_a_pool_that_was_less_than_half_busy_is_too_large",
        f"{STAGES}/test_advice.py::test_what_brings_less_than_a_twentieth_is_not_said",
        f"{STAGES}/test_advice.py::test_workers_that_are_always_busy_are_too_few_when_more_would_be_faster",
        f"{STAGES}/test_advice.py::test_idle_workers_are_no_fault_when_there_was_little_to_do_or_a_limit",
    ),
    "the total is the sum of the stages; no wall clock, no speed-up": (
        f"{STAGES}/test_figures.py::test_the_wall_is_from_the_first_start_to_the_last_end",
        f"{STAGES}/test_figures.py::test_a_speed_up_says_how_it_is_known",
        f"{STAGES}/test_figures.py::test_the_reference_in_two_processes",
    ),
    "a failure's duration includes its time in the queue, and makes it the bottleneck": (
        f"{STAGES}/test_figures.py::test_a_wait_in_the_queue_is_no_work",
        f"{STAGES}/test_bottlenecks.py::test_a_short_failure_behind_a_long_stage_is_no_bottleneck",
        "integration/test_attempt_times.py::test_time_in_the_queue_is_no_part_of_an_attempt",
    ),
    "CPU, memory and worker are never measured": (
        "integration/test_usage.py::test_every_executor_measures_every_attempt",
        "integration/test_attempt_times.py::test_time_in_the_queue_is_no_part_of_an_attempt",
        f"{STAGES}/test_advice.py::test_threads_that_compute_are_sent_to_processes",
    ),
    "the profiler samples the machine, after the task has ended": (
        "unit/worker/test_usage.py::test_who_wants_a_core_that_others_have_is_starved",
        "integration/test_engine_placing.py::test_what_computes_on_a_crowded_machine_is_not_taken_for_waiting",
        f"{STAGES}/test_profile.py::test_what_computes_beside_others_that_compute_is_bound_by_the_cpu",
    ),
    "the profiler swallows failures: what always raises can be run in parallel": (
        "unit/engine/test_placing.py::test_what_only_fails_has_no_profile_and_stays_where_it_is",
        "acceptance/test_profile.py::test_what_cannot_be_run_is_told_for_each_run",
    ),
    "the profiler runs what it looks at three times": (
        "integration/test_engine_placing.py::test_a_stage_that_waits_moves_to_threads_on_record",
    ),
    "how much can overlap is a yes, and always for one run": (
        f"{STAGES}/test_graph.py::test_what_can_go_on_beside_others_is_what_graph_and_locks_leave",
        f"{STAGES}/test_profile.py::test_a_class_needs_three_runs",
    ),
    "a timeout has no text, no duration and no end, and goes on running": (
        "integration/test_attempt_times.py::test_what_hangs_is_ended_side_by_side_with_its_times_and_words",
        "integration/test_causes.py::test_an_end_is_named_and_explained",
        "contract/test_executor_contract_time.py::test_the_children_of_an_evaluation_die_with_it",
    ),
    "limits of time are waited for one after the other, and shutting down waits for what hangs": (
        "integration/test_attempt_times.py::test_what_hangs_is_ended_side_by_side_with_its_times_and_words",
        "integration/test_daemon_process.py::test_a_second_signal_cuts_draining_short",
    ),
    "a second stage of the same name hides how the first went": (
        f"{STAGES}/test_graph.py::test_two_stages_of_one_name_are_refused",
        "unit/spec/test_wrong_files.py::test_a_wrong_file_gets_all_its_problems_and_no_other",
    ),
    "asking twice doubles rows, counts and advice": (
        f"{STAGES}/test_figures.py::test_the_wall_is_from_the_first_start_to_the_last_end",
        f"{STAGES}/test_replay.py::test_a_run_that_is_given_twice_counts_once",
        "acceptance/test_report.py::test_a_watched_report_ends_with_its_experiment",
    ),
    "45 s against 30 s is met, and 29 s leaves no trace": (
        f"{STAGES}/test_sla.py::test_a_limit_warns_above_four_fifths_and_is_missed_above_itself",
        "unit/engine/test_execution_report.py::test_of_more_attempts_than_are_read_none_is_overlooked",
        "acceptance/test_run.py::test_a_missed_sla_is_in_the_exit_status_when_that_is_asked_for",
    ),
    "limits of a lane are compared nowhere while it runs": (
        "integration/test_engine_lanes.py::test_a_lane_whose_time_is_used_up_stops_what_runs_and_keeps_what_was_measured",
        "integration/test_engine_lanes.py::test_the_time_of_a_lane_runs_on_over_a_restart",
        "integration/test_engine_lanes.py::test_the_workers_of_a_lane_are_evaluations_that_execute_at_an_instant",
        "acceptance/test_run.py::test_a_lane_that_takes_longer_than_it_may_is_stopped",
    ),
    "there is Infinity in the JSON": (
        f"{STAGES}/test_figures.py::test_without_a_run_every_ratio_is_unknown",
        f"{STAGES}/test_profile.py::test_the_spread_of_what_takes_no_time_is_unknown",
        f"{STAGES}/test_advice.py::test_all_advice_is_worth_it_and_can_be_written_down",
        "unit/engine/test_execution_report.py::test_what_is_not_known_is_null_and_never_zero",
    ),
    "a size of 0 means automatic, and an automatic one can be 0": (
        f"{STAGES}/test_sizing.py::test_a_size_below_1_is_refused_where_it_was_given",
        f"{STAGES}/test_sizing.py::test_a_size_is_never_0_and_computing_never_above_the_cores",
        "unit/settings/test_model.py::test_values_are_strict",
        "unit/settings/test_lanes.py::test_every_mistake_is_told_with_its_place",
    ),
    "a library is needed for nothing, and importing configures logging": (
        f"{STAGES}/test_known_mistakes.py::test_stages_need_the_standard_library_only_and_configure_nothing",
        "contract/test_process_slots.py::test_a_fresh_slot_has_nothing_heavy_loaded",
    ),
    "workers are counted from the machine, not from the affinity and the quota": (
        "unit/resources/test_machine.py::test_cores_mind_the_affinity",
        "unit/resources/test_cgroup.py::test_the_tightest_cpu_quota_counts",
        "unit/resources/test_cgroup.py::test_memory_left_is_what_the_tightest_limit_leaves",
        "unit/daemon/test_sizes.py::test_what_nobody_has_set_fits_the_machine",
        f"{STAGES}/test_sizing.py::test_the_reference_goes_by_memory_class",
    ),
    "a failure that took no time makes the stages uneven": (
        f"{STAGES}/test_bottlenecks.py::test_a_failed_start_makes_nothing_uneven",
    ),
    "a part of the configuration is read by nobody": (
        f"{STAGES}/test_known_mistakes.py::test_every_setting_is_read",
        "unit/workloads/test_pipeline_lanes.py::test_all_problems_are_told_at_once",
    ),
    "several tables of lanes, of thresholds, and detectors that disagree": (
        f"{STAGES}/test_known_mistakes.py::test_there_is_one_table_of_lanes_and_both_readers_read_the_same",
        "unit/workloads/test_pipeline_lanes.py::test_the_wheel_takes_the_table_along",
        "unit/workloads/test_pipeline_detection.py::test_a_change_goes_to_its_lane",
    ),
    "said to be complete, with no test and no caller": (
        f"{STAGES}/test_known_mistakes.py::test_what_there_is_of_stages_is_used",
        f"{STAGES}/test_known_mistakes.py::test_a_known_mistake_has_a_test",
    ),
}


@cache
def claims() -> frozenset[str]:
    """`unit/…/test_x.py::test_y` for every test."""
    return frozenset(
        f"{source.path.removeprefix('tests/')}::{function.name}"
        for source in under("tests")
        for function in source.functions()
        if function.name.startswith("test_")
    )


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_known_mistake_has_a_test(mistake: str) -> None:
    """Each has at least one, and all that are named are there under that name."""
    assert MISTAKES[mistake]
    assert [test for test in MISTAKES[mistake] if test not in claims()] == []


def test_stages_need_the_standard_library_only_and_configure_nothing() -> None:
    """They can be imported where nothing is installed, and afterwards the root logger is as it was."""
    modules = [f"orchestrator.search.stages.{file.stem}" for file in (PACKAGE / "search" / "stages").glob("[a-z]*.py")]
    code = f"import {', '.join(modules)}, logging, sys; print(logging.getLogger().handlers, 'psutil' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (found.stdout, found.stderr) == ("[] False\n", "")


def test_every_setting_is_read() -> None:
    """Somebody outside of the settings asks for each by its name, for those of a right by the name of the right."""
    asked = {
        node.attr
        for source in under("orchestrator")
        if not source.path.startswith("orchestrator/settings/")
        for node in source.nodes(ast.Attribute)
    }
    of_rights = {f"{right}_{kind}" for right in ("read", "control") for kind in ("users", "groups")}
    assert [name for name in Settings.model_fields if name not in asked | of_rights] == []


def test_there_is_one_table_of_lanes_and_both_readers_read_the_same() -> None:
    """The daemon and the gates agree on strategy, workers, SLA and limit of each lane, and no other file has a lane's thresholds."""
    of_daemon, of_gates = read_lanes(), load_lanes().lanes
    names = ("strategy", "workers", "sla_seconds", "limit_seconds")
    assert {lane: [getattr(found, name) for name in names] for lane, found in of_daemon.items()} == {
        lane: [getattr(found, name) for name in names] for lane, found in of_gates.items()
    }
    tables = [
        file.relative_to(ROOT).as_posix()
        for folder in ("config", "orchestrator", "examples", "systemd")
        for file in (ROOT / folder).rglob("*.toml")
        if re.search(r"^\[lanes\.", file.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert tables == ["config/lanes.toml"]


def test_what_there_is_of_stages_is_used() -> None:
    """Every public function and class of `search/stages` is asked for by the package itself, not by tests alone."""
    used = Counter(name for source in under("orchestrator") for name in names_used(source))
    unused = [
        f"{source.path}: {node.name}"
        for source in sources()
        if source.path.startswith("orchestrator/search/stages/")
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_") and not used[node.name]
    ]
    assert unused == []


def names_used(source: Source) -> Iterator[str]:
    """Names that are read or imported in a file."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
