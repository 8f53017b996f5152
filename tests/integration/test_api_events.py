"""Claims about events and logs through the whole door."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.api.routes import events as events_route
from tests.support.calling import calling
from tests.support.door import QUADRATIC, open_door, square

pytestmark = pytest.mark.asyncio


@pytest.fixture
def state(private_places: Path) -> Path:
    return private_places / "state"


def read(body: bytes) -> list[Any]:
    return [json.loads(line) for line in body.splitlines()]


async def test_events_begin_with_the_database_and_are_numbered_without_a_hole(state: Path) -> None:
    """The first line has the database's id and the latest number; then every event, counted from 1."""
    async with open_door(state) as door:
        await door.run()
        head, *told = read((await door.ask("GET", "/v1/events")).body)
    assert len(head["database"]) == 16
    assert [event["seq"] for event in told] == list(range(1, head["seq"] + 1))
    assert told[0]["kind"] == "daemon_started"


async def test_events_go_on_where_they_were_left(state: Path) -> None:
    """`since` leaves out what is known; what one experiment did can be asked for alone."""
    async with open_door(state) as door:
        await door.run()
        await door.run()
        _, *everything = read((await door.ask("GET", "/v1/events")).body)
        _, *rest = read((await door.ask("GET", "/v1/events?since=7")).body)
        assert rest == everything[7:]
        _, *second = read((await door.ask("GET", "/v1/events?experiment=2")).body)
        assert second == [event for event in everything if event.get("ref", "").split(".")[0] == "2"]


async def test_follower_sees_each_event_once_and_in_order(state: Path) -> None:
    """What was, and what happens while following, come as one row of numbers without hole or repetition."""
    async with open_door(state) as door, calling(door.path) as caller:
        await door.run()
        await caller.send("GET", "/v1/events?since=0&follow=true")
        await caller.head()
        lines = caller.lines()
        head = await anext(lines)
        await door.submit()
        seen = []
        with anyio.fail_after(20):
            async for event in lines:
                seen.append(event["seq"])
                if event["kind"] == "experiment_ended" and event["ref"] == "2":
                    break
        assert seen == list(range(1, len(seen) + 1))
        assert head["seq"] < len(seen)


async def test_follower_without_since_sees_only_what_comes(state: Path) -> None:
    """The first event after the head is a new one."""
    async with open_door(state) as door, calling(door.path) as caller:
        await door.run()
        await caller.send("GET", "/v1/events?follow=true")
        await caller.head()
        lines = caller.lines()
        head = await anext(lines)
        await door.submit()
        assert (await anext(lines))["seq"] == head["seq"] + 1


async def test_quiet_follower_hears_a_heartbeat(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing happens a heartbeat with the latest number comes, again and again."""
    monkeypatch.setattr(events_route, "HEARTBEAT_SECONDS", 0.01)
    async with open_door(state) as door, calling(door.path) as caller:
        await caller.send("GET", "/v1/events?follow=true")
        await caller.head()
        lines = caller.lines()
        head = await anext(lines)
        for _ in range(3):
            assert await anext(lines) == {"kind": "heartbeat", "seq": head["seq"]}


async def test_number_that_has_not_been_is_gone(state: Path) -> None:
    """A `since` of another database is answered with 410 before any line."""
    async with open_door(state) as door:
        reply = await door.ask("GET", "/v1/events?since=1000000&follow=true")
    assert (reply.status, reply.code) == (410, "events_gone")


@pytest.mark.parametrize("target", ["/v1/events", "/v1/experiments/1/progress", "/v1/experiments/1/logs"])
async def test_follower_has_a_proper_end_when_the_door_closes(state: Path, target: str) -> None:
    """A following answer ends with its last whole line, not with a cut connection."""
    async with open_door(state, gate=anyio.Event()) as door, calling(door.path) as caller:
        await door.submit()
        await caller.send("GET", f"{target}?follow=true")
        await caller.head()
        door.server.closing.set()
        with anyio.fail_after(10):
            text = b"".join([piece async for piece in caller.pieces()])
    assert text == b"" or text.endswith(b"\n")


def printing(state: Path) -> Any:
    """Evaluates squares, and writes what a worker would have captured."""

    def evaluate(parameters: Any, evaluation: Any, job: Any) -> Any:
        folder = state / "runs" / str(job.experiment) / str(evaluation.variant)
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"{evaluation.iteration}.{evaluation.attempt}"
        (folder / f"{stem}.out").write_text(f"x is {parameters['x']}\n")
        (folder / f"{stem}.err").write_text("no trouble\n" if parameters["x"] == 1 else "")
        return square(parameters)

    return evaluate


async def test_logs_of_an_iteration_are_its_bytes(state: Path) -> None:
    """Of one iteration the text is what it printed, nothing added; either stream can be asked for alone."""
    async with open_door(state, evaluate=printing(state)) as door:
        await door.run()
        assert (await door.ask("GET", "/v1/experiments/1.2.1/logs")).body == b"x is 1\nno trouble\n"
        assert (await door.ask("GET", "/v1/experiments/1.2.1/logs?stream=err")).body == b"no trouble\n"
        assert (await door.ask("GET", "/v1/experiments/1.2.1/logs?stream=all")).status == 400


async def test_logs_of_an_experiment_say_whose_they_are(state: Path) -> None:
    """A title stands before each file that holds something, in ref order."""
    async with open_door(state, evaluate=printing(state)) as door:
        await door.run()
        text = (await door.ask("GET", "/v1/experiments/1/logs")).body.decode()
    assert text == (
        "==> 1.1.1 out <==\nx is 3\n==> 1.2.1 out <==\nx is 1\n==> 1.2.1 err <==\nno trouble\n==> 1.3.1 out <==\nx is 2\n"
    )


async def test_logs_are_followed_until_the_experiment_has_ended(state: Path) -> None:
    """A follower that came first sees what every iteration printed, and then the end."""
    gate = anyio.Event()
    async with open_door(state, evaluate=printing(state), gate=gate) as door, calling(door.path) as caller:
        await door.submit()
        await caller.send("GET", "/v1/experiments/1/logs?follow=true&stream=out")
        await caller.head()
        gate.set()
        with anyio.fail_after(20):
            text = b"".join([piece async for piece in caller.pieces()]).decode()
    assert [line for line in text.splitlines() if line.startswith("x is")] == ["x is 3", "x is 1", "x is 2"]


async def test_follower_that_comes_in_the_middle_reads_nothing_twice(state: Path) -> None:
    """While a hundred iterations print, each line reaches a follower once."""
    text = QUADRATIC.replace("x = [3, 1, 2]", "x = { low = 1, high = 100 }")
    async with open_door(state, evaluate=printing(state)) as door:
        await door.start(text)
        body = (await door.ask("GET", "/v1/experiments/1/logs?follow=true&stream=out")).body.decode()
    printed = [line for line in body.splitlines() if line.startswith("x is")]
    assert sorted(printed) == sorted(f"x is {number}" for number in range(1, 101))


async def test_growing_output_is_seen_while_it_runs(state: Path) -> None:
    """What a running evaluation prints reaches its follower before it ends."""
    gate = anyio.Event()
    async with open_door(state, gate=gate) as door, calling(door.path) as caller:
        await door.start()
        await caller.send("GET", "/v1/experiments/1.1.1/logs?follow=true")
        await caller.head()
        pieces = caller.pieces()
        file = state / "runs" / "1" / "1" / "1.1.out"
        file.parent.mkdir(parents=True, exist_ok=True)
        with anyio.fail_after(10):
            for text in (b"first\n", b"second\n"):
                with file.open("ab") as output:
                    output.write(text)
                assert await anext(pieces) == text
        gate.set()
