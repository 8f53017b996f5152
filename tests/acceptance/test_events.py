"""`orc events`."""

import json

from tests.support.daemon import Orc, line_with, open_gate


def test_events_come_in_order_one_a_line(orc: Orc) -> None:
    """Sequence numbers grow, the last event of an ended experiment says how it ended, and `--since` continues behind a number."""
    ref = orc.finished()
    lines = [json.loads(line) for line in orc("events", "--experiment", ref).out.splitlines()]
    numbers = [line["seq"] for line in lines]
    assert numbers == sorted(set(numbers))
    assert lines[0]["kind"] == "experiment_submitted"
    assert lines[-1]["kind"] == "experiment_ended"
    after = orc("events", "--experiment", ref, "--since", str(numbers[-2])).out.splitlines()
    assert [json.loads(line)["seq"] for line in after] == numbers[-1:]


def test_following_sees_what_happens_later(orc: Orc) -> None:
    """The end of an experiment arrives in a stream that was opened before it."""
    ref, folder = orc.submitted("held")
    with orc.begin("events", "-f", "--since", "0", "--experiment", ref) as follower:
        assert follower.stdout is not None
        line_with(follower.stdout, "iterations_started")
        open_gate(folder)
        assert json.loads(line_with(follower.stdout, "experiment_ended"))["state"] == "succeeded"
        follower.terminate()
        follower.communicate()


def test_a_number_that_has_not_happened_is_a_mistake_of_the_caller(orc: Orc) -> None:
    """Exit status 2, what the latest is, and what to do."""
    refused = orc("events", "--since", "999999999")
    assert refused.status == 2
    assert "event 999999999 has not happened here: the latest is " in refused.err
