"""Claims about the whole door: real store, real engine, real socket; only evaluations are made in this process."""

import json
import os
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.api.rights import Rules, Who
from tests.support.door import QUADRATIC, open_door

pytestmark = pytest.mark.asyncio


@pytest.fixture
def state(private_places: Path) -> Path:
    return private_places / "state"


async def test_experiment_goes_from_submit_to_best(state: Path) -> None:
    """Submit answers 201 with id, ref, name and no warning; wait answers when it has ended; best is the smallest square."""
    async with open_door(state) as door:
        accepted = await door.ask("POST", "/v1/experiments", door.body())
        assert (accepted.status, accepted.json) == (201, {"id": 1, "ref": "1", "name": "quadratic", "warnings": []})
        assert accepted.headers["location"] == "/v1/experiments/1"
        ended = (await door.ask("GET", "/v1/experiments/quadratic/wait")).json
        assert (ended["ref"], ended["state"], ended["ended"]) == ("1", "succeeded", True)
        best = (await door.ask("GET", "/v1/experiments/1/best")).json
        assert (best["ref"], best["params"], best["metrics"]) == ("1.2", {"x": 1}, {"value": 1.0})


async def test_same_key_makes_one_experiment(state: Path) -> None:
    """The second submit with a key answers 200 with the first one's body; another key makes another experiment."""
    async with open_door(state) as door:
        replies = [
            await door.ask("POST", "/v1/experiments", door.body(), **{"Idempotency-Key": key})
            for key in ("a", "a", "b")
        ]
        assert [reply.status for reply in replies] == [201, 200, 201]
        assert replies[0].body == replies[1].body
        assert len((await door.ask("GET", "/v1/experiments")).json) == 2


async def test_show_is_complete_and_can_be_paged(state: Path) -> None:
    """Without limits all variants are there with their iterations; pages together are the same list."""
    async with open_door(state) as door:
        experiment = await door.run()
        whole = (await door.ask("GET", f"/v1/experiments/{experiment}")).json
        assert [variant["ref"] for variant in whole["variants"]] == ["1.1", "1.2", "1.3"]
        assert whole["spec"]["name"] == "quadratic"
        assert [row["state"] for variant in whole["variants"] for row in variant["iterations"]] == ["succeeded"] * 3
        first = (await door.ask("GET", "/v1/experiments/1?limit=2")).json["variants"]
        rest = (await door.ask("GET", "/v1/experiments/1?limit=2&after=2")).json["variants"]
        assert first + rest == whole["variants"]


async def test_show_goes_down_to_attempts(state: Path) -> None:
    """A variant's ref shows the variant, an iteration's the iteration with its attempts."""
    async with open_door(state) as door:
        await door.run()
        assert (await door.ask("GET", "/v1/experiments/1.2")).json["params"] == {"x": 1}
        iteration = (await door.ask("GET", "/v1/experiments/1.2.1")).json
        assert [attempt["end"] for attempt in iteration["attempts"]] == ["succeeded"]


async def test_exports_of_two_runs_are_identical(state: Path) -> None:
    """Without timings the bytes are the same, as CSV and as JSON, and refs begin below the experiment."""
    async with open_door(state) as door:
        await door.run()
        await door.run()
        for form in ("csv", "json"):
            tables = [(await door.ask("GET", f"/v1/experiments/{id_}/export?format={form}")).body for id_ in (1, 2)]
            assert tables[0] == tables[1]
        lines = (await door.ask("GET", "/v1/experiments/1/export")).body.decode().splitlines()
        assert lines[0] == "ref,variant,stage,case,repeat,state,cause,seed,param.x,metric.value"
        assert [line.split(",")[:2] for line in lines[1:]] == [["1.1", "1"], ["2.1", "2"], ["3.1", "3"]]
        below = (await door.ask("GET", "/v1/experiments/1.3/export?format=json&timings=true")).json
        assert [(row["ref"], row["param.x"], row["attempt"]) for row in below] == [("3.1", 2, 1)]


async def test_no_best_is_told_from_no_experiment(state: Path) -> None:
    """Both are 404; the code says which."""
    gate = anyio.Event()
    async with open_door(state, gate=gate) as door:
        await door.submit()
        assert (await door.ask("GET", "/v1/experiments/1/best")).code == "no_best"
        assert (await door.ask("GET", "/v1/experiments/2/best")).code == "not_found"
        gate.set()


async def test_pause_resume_cancel_retry_and_rm(state: Path) -> None:
    """Each answers with the new state; what the state does not allow is a conflict."""
    gate = anyio.Event()
    async with open_door(state, gate=gate) as door:

        async def tell(verb: str) -> tuple[int, str]:
            reply = await door.ask("POST", f"/v1/experiments/1/{verb}")
            return reply.status, reply.json["state"] if reply.status == 200 else reply.code

        await door.start()
        assert await tell("pause") == (200, "paused")
        assert (await tell("resume"))[0] == 200
        assert (await door.ask("DELETE", "/v1/experiments/1")).status == 409
        assert await tell("cancel") == (200, "cancelled")
        assert (await tell("cancel"))[0] == 409
        gate.set()
        assert (await tell("retry"))[0] == 200
        assert (await door.ask("GET", "/v1/experiments/1/wait")).json["state"] == "succeeded"
        assert (await door.ask("DELETE", "/v1/experiments/1")).json == {"ref": "1"}
        assert (await door.ask("GET", "/v1/experiments/1")).code == "not_found"


async def test_verbs_for_experiments_refuse_what_is_below(state: Path) -> None:
    """Pausing, removing, the best and the progress of a variant are invalid references with a hint."""
    async with open_door(state) as door:
        await door.run()
        for method, verb in (
            ("POST", "/pause"),
            ("POST", "/resume"),
            ("DELETE", ""),
            ("GET", "/best"),
            ("GET", "/progress"),
        ):
            reply = await door.ask(method, f"/v1/experiments/1.1{verb}")
            assert (reply.status, reply.code) == (400, "invalid_reference")
            assert reply.json["error"]["hint"] == "ask for experiment 1"


async def test_wait_answers_at_every_level_and_when_the_time_is_up(state: Path) -> None:
    """With a timeout it answers with `ended` false while the thing runs; without, once it has ended."""
    gate = anyio.Event()
    answers: dict[str, Any] = {}
    async with open_door(state, gate=gate) as door:
        await door.submit()
        for timeout in ("0", "0.05"):
            assert not (await door.ask("GET", f"/v1/experiments/1/wait?timeout={timeout}")).json["ended"]

        async def wait(ref: str) -> None:
            answers[ref] = (await door.ask("GET", f"/v1/experiments/{ref}/wait")).json["state"]

        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                for ref in ("1", "1.1", "1.2.1"):
                    tasks.start_soon(wait, ref)
                gate.set()
    assert answers == {"1": "succeeded", "1.1": "evaluated", "1.2.1": "succeeded"}


async def test_rights_are_asked_for_every_verb(state: Path) -> None:
    """A peer that may only read is refused control with who it is; one that may nothing still learns that all is well."""
    readers = Rules(owner_uid=4_000_000, read=Who(anyone=True))
    async with open_door(state, rules=readers) as door:
        door_is_for_root = (await door.ask("POST", "/v1/experiments", door.body())).status == 201
        assert (await door.ask("GET", "/v1/status")).status == 200
        assert (await door.ask("GET", "/healthz")).json == {"healthy": True}
    assert door_is_for_root is (os.getuid() == 0)


async def test_file_with_problems_lists_all_of_them(state: Path) -> None:
    """Submit and check answer 400 with every problem and its place; nothing is accepted."""
    text = '[stage]\ncall = "model:evaluate"\ntimeouts = "1s"\n[space]\nx = { low = 3, high = 1 }\n'
    async with open_door(state) as door:
        for target in ("/v1/experiments", "/v1/check"):
            reply = await door.ask("POST", target, door.body(text))
            assert (reply.status, reply.code) == (400, "invalid_spec")
            assert {problem["where"] for problem in reply.json["error"]["problems"]} == {
                "space.x",
                "stage.main.timeouts",
            }
        assert (await door.ask("GET", "/v1/experiments")).json == []


async def test_missing_code_is_found_before_anything_runs(state: Path) -> None:
    """A function that is not there is a problem at its stage, for submit and check."""
    text = QUADRATIC.replace("model:evaluate", "model:evaluated")
    async with open_door(state) as door:
        for target in ("/v1/experiments", "/v1/check"):
            problems = (await door.ask("POST", target, door.body(text))).json["error"]["problems"]
            assert [problem["where"] for problem in problems] == ["stage.main.call"]


async def test_check_gives_the_plan_and_imports_in_another_process(state: Path) -> None:
    """The plan counts variants and evaluations; an error at import is a problem of the file."""
    async with open_door(state) as door:
        checked = (await door.ask("POST", "/v1/check", door.body())).json
        assert checked["name"] == "quadratic"
        assert (checked["plan"]["variants"], checked["plan"]["evaluations"]) == (3, 3)
        (state / "model.py").write_text("import nowhere_at_all\ndef evaluate(parameters): ...\n")
        problems = (await door.ask("POST", "/v1/check", door.body())).json["error"]["problems"]
        assert problems[0]["where"] == "stage.main.call"
        assert "nowhere_at_all" in problems[0]["message"]


async def test_dictionary_is_as_good_as_a_text(state: Path) -> None:
    """A spec sent as an object is accepted; text and object at once are not."""
    spec = {"name": "plain", "stage": {"call": "model:evaluate"}, "space": {"x": [1, 2]}}
    async with open_door(state) as door:
        body = {"spec": spec, "folder": str(state), "source": "dict"}
        assert (await door.ask("POST", "/v1/experiments", body)).json["name"] == "plain"
        assert (await door.ask("POST", "/v1/experiments", {**body, "text": QUADRATIC})).code == "invalid_request"


async def test_progress_follows_to_the_end(state: Path) -> None:
    """Snapshots come as lines, counts only grow, the last one has ended."""
    async with open_door(state) as door:
        await door.submit()
        reply = await door.ask("GET", "/v1/experiments/1/progress?follow=true")
    snapshots = [json.loads(line) for line in reply.body.splitlines()]
    finished = [snapshot["iterations"]["succeeded"] for snapshot in snapshots]
    assert finished == sorted(finished)
    assert snapshots[-1]["state"] == "succeeded"
    assert snapshots[-1]["best"]["ref"] == "1.2"


async def test_progress_of_all_is_of_what_is_active(state: Path) -> None:
    """Without following a snapshot each of what has not ended; following ends when nothing is active any more."""
    gate = anyio.Event()
    async with open_door(state, gate=gate) as door:
        await door.submit()
        await door.submit()
        standing = (await door.ask("GET", "/v1/progress")).body.splitlines()
        gate.set()
        followed = [json.loads(line) for line in (await door.ask("GET", "/v1/progress?follow=true")).body.splitlines()]
        nothing = await door.ask("GET", "/v1/progress?follow=true")
    assert [json.loads(line)["ref"] for line in standing] == ["1", "2"]
    assert (nothing.status, nothing.body) == (200, b'{"active":0}\n')
    assert followed.pop() == {"active": 0}
    last = {snapshot["ref"]: snapshot["state"] for snapshot in followed}
    assert last in ({"1": "succeeded", "2": "succeeded"}, {"2": "succeeded"}, {})


async def test_why_and_explain_have_their_shapes(state: Path) -> None:
    """Decisions and reasons carry the keys that clients rely on."""
    async with open_door(state) as door:
        await door.run()
        why = (await door.ask("GET", "/v1/experiments/1/why")).json
        assert why["ref"] == "1"
        assert {"round", "kind", "time", "rule", "inputs", "result", "message"} <= set(why["decisions"][0])
        explained = (await door.ask("GET", "/v1/experiments/1/explain")).json
        assert (explained["ref"], explained["state"]) == ("1", "succeeded")
        assert set(explained["reasons"][0]) == {"reason", "message", "would_change"}


async def test_status_metrics_and_readiness_agree(state: Path) -> None:
    """A daemon that is not ready says so in all three."""
    async with open_door(state) as door:
        assert (await door.ask("GET", "/readyz")).status == 200
        door.standing.append("degraded")
        refused = await door.ask("GET", "/readyz")
        assert (refused.status, refused.code) == (503, "unavailable")
        assert (await door.ask("GET", "/v1/status")).json["state"] == "degraded"
        text = (await door.ask("GET", "/metrics")).body.decode()
        assert 'orchestrator_state{state="degraded"} 1' in text


async def test_stop_asks_the_host(state: Path) -> None:
    """Stop passes on whether isolated work ends too; a body is optional."""
    async with open_door(state) as door:
        for body in (None, {}, {"all": True}):
            assert (await door.ask("POST", "/v1/stop", body)).json["pid"] > 0
        assert door.stops == [False, False, True]
        assert (await door.ask("POST", "/v1/stop", {"al": True})).status == 400
