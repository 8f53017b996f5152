"""`orc report`."""

import json

from tests.support.daemon import Orc, line_with, open_gate


def test_a_report_tells_outcome_usage_and_failures(orc: Orc) -> None:
    """Counts, durations, the best, and each kind of failure with its first error and what to do are there, for people and programs."""
    ref = orc.finished("failing", more='name = "reported"')
    report = orc("report", ref, "--json").json
    (stage,) = report["stages"]
    (failure,) = report["failures"]

    assert (report["state"], report["best"]["ref"], report["round"]) == ("succeeded", f"{ref}.2", 1)
    assert report["iterations"] | {"failed": 1, "succeeded": 2} == report["iterations"]
    assert report["usage"]["attempts"] == 3
    assert (stage["stage"], stage["executors"]) == ("main", ["process"])
    assert stage["attempts"] | {"total": 3, "succeeded": 2, "failed": 1} == stage["attempts"]
    assert 0 < stage["wall_seconds"]["p50"] <= stage["wall_seconds"]["p95"] <= stage["wall_seconds"]["max"]
    assert stage["cpu_share"] > 0
    assert (failure["cause"], failure["attempts"], failure["first"]["ref"]) == ("raised", 1, f"{ref}.1.1")
    assert failure["first"]["error"].endswith("ValueError: three is too much")
    assert f"orc retry {ref} --failed" in failure["advice"]

    shown = orc("report", "reported").out
    assert shown.startswith(f"{ref} reported  succeeded\n")
    for words in (
        "MEDIAN",
        "P95",
        "failed attempts\n",
        "1 attempt raised",
        "three is too much",
        f"orc retry {ref} --failed",
        f"{ref}.2",
    ):
        assert words in shown, shown


def test_rounds_are_listed_when_there_are_several(orc: Orc) -> None:
    """Each with what it proposed, its best, and what was decided after it."""
    more = 'seed = 3\n[search]\nmethod = "random"\nvariants = 4\n[loop]\nmax_rounds = 3'
    ref = orc.finished(more=more, space="x = { low = 0.0, high = 9.0 }")
    rounds = orc("report", ref, "--json").json["rounds"]

    assert [(each["round"], each["proposals"]) for each in rounds] == [(1, 4), (2, 4), (3, 4)]
    assert rounds[0]["decided"] == "round 2 of 3 follows"
    assert "round 2 of 3 follows" in orc("report", ref).out


def test_nothing_is_reported_as_such(orc: Orc) -> None:
    """An experiment that has not begun to evaluate has a report without numbers; a variant has none."""
    ref, _ = orc.submitted("held")
    report = orc("report", ref, "--json").json

    assert (report["usage"]["attempts"], report["usage"]["wall_seconds"], report["best"]) == (0, None, None)
    assert "nothing yet" in orc("report", ref).out
    refused = orc("report", f"{ref}.1", "--json")
    assert (refused.status, refused.error["code"]) == (2, "invalid_reference")
    assert orc("cancel", ref).status == 0


def test_a_report_tells_how_the_stages_ran(orc: Orc) -> None:
    """Figures from the runs' own times, a bar for each attempt, and the limits they were held against, for people and programs."""
    ref = orc.finished(stage='sla = "1h"', more='name = "arranged"')
    part = orc("report", ref, "--json").json["execution"]
    (limit,) = part["sla"]["stages"]

    assert (part["runs"], part["figures"]["succeeded"], len(part["timeline"])) == (3, 3, 3)
    assert 0 < part["figures"]["lower_bound_seconds"] <= part["figures"]["wall_seconds"]
    assert part["figures"]["speed_up_basis"] in {None, "estimated"}
    assert (limit["limit_seconds"], limit["misses"], limit["worst"]) == (3600.0, 0, "met")
    shown = orc("report", "arranged").out
    for words in ("how the stages ran", "critical path main", "1.1 main (", "SLA", "met"):
        assert words in shown, shown


def test_what_has_become_slower_over_experiments_is_told(orc: Orc) -> None:
    """Six experiments of a name, then five whose stage takes far longer: the stage and its lane are slower. The first of the five alone
    says nothing.
    """
    described = {"stage": 'lane = "docs"', "space": "x = [1]", "more": 'name = "watched"'}
    refs = [orc.finished(call, **described) for call in ["evaluate"] * 6 + ["napping"] * 5]
    found = [orc("report", ref, "--json").json["execution"]["history"] for ref in (refs[6], refs[-1])]

    told = [[(row["experiments"], row["changed"]) for row in (*one["stages"], *one["lanes"])] for one in found]
    assert told == [[(7, None)] * 2, [(11, "slower")] * 2]
    shown = orc("report", "watched").out
    assert "main has become slower: " in shown
    assert "lane docs has become slower: " in shown


def test_a_watched_report_ends_with_its_experiment(orc: Orc) -> None:
    """Without a terminal the last report is printed, with --json a document a line; both when the experiment has ended."""
    ref, folder = orc.submitted("held")
    with orc.begin("report", ref, "--watch", "--json") as watching:
        first = json.loads(line_with(watching.stdout, '"execution"'))
        open_gate(folder)
        assert watching.stdout is not None
        last = json.loads(watching.stdout.readlines()[-1])
        assert watching.wait(20) == 0
    assert (first["state"], last["state"]) == ("running", "succeeded")
    assert orc("report", ref, "--watch").out == orc("report", ref).out
