"""The Python client against a real daemon: it starts one, submits, waits, reads, steers."""

from collections.abc import Iterator

import pytest

from orchestrator.client import AsyncClient, Client
from orchestrator.errors import Conflict, InvalidSpec, NoDaemon, NotFound
from tests.support.daemon import Orc, open_gate, private_orc, refs

MODEL = "def evaluate(params):\n    print(params)\n    return {'height': params['x'] ** 2}\n"
SPEC = {"objective": {"metric": "height"}, "stage": {"call": "model:evaluate"}, "space": {"x": [3, 1, 2]}}


@pytest.fixture(scope="module")
def orc() -> Iterator[Orc]:
    """One daemon for this file."""
    with private_orc() as shared:
        yield shared


def client(orc: Orc, *, start: bool = True) -> Client:
    """A client of that daemon which keeps what it says to itself."""
    return Client(state_directory=orc.state, start=start, announce=lambda _text: None)


def test_a_dict_is_accepted_wherever_a_file_is(orc: Orc, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is run from the current directory, and the results are those of the function."""
    folder = orc.home / "dict"
    folder.mkdir()
    (folder / "model.py").write_text(MODEL)
    monkeypatch.chdir(folder)
    with client(orc) as speaking:
        assert speaking.check(SPEC)["plan"]["evaluations"] == 3
        experiment = speaking.submit(SPEC, overrides={"name": "from-a-dict", "seed": 3})
        assert experiment.wait(timeout_seconds=30)["state"] == "succeeded"
        assert experiment.best()["params"] == {"x": 1}
        assert refs(experiment.variants()) == [f"{experiment.ref}.{number}" for number in (1, 2, 3)]
        assert experiment.export().startswith(b"ref,variant,")
        assert speaking.part(f"{experiment.ref}.1.1").logs() == "{'x': 3}\n"
        assert speaking.experiment("from-a-dict").ref == experiment.ref
        assert experiment.why()
        assert experiment.report()["usage"]["attempts"] == 3
        assert [each["state"] for each in experiment.progress()][-1] == "succeeded"
        assert experiment.ref in {str(each["id"]) for each in speaking.experiments()}
        assert "experiment_ended" in {each["kind"] for each in speaking.events(experiment=int(experiment.ref))}


def test_the_same_key_is_the_same_experiment(orc: Orc) -> None:
    """Submitting again after a doubtful answer is harmless."""
    folder = orc.experiment()
    first, second = (client(orc).submit(folder, key="only-once") for _ in range(2))
    assert first.ref == second.ref


def test_what_is_refused_is_raised(orc: Orc) -> None:
    """Each refusal is its class of `orchestrator.errors`, and a time that is up is a TimeoutError."""
    speaking = client(orc)
    with pytest.raises(NotFound):
        speaking.experiment(999_999)
    with pytest.raises(InvalidSpec) as refused:
        speaking.submit({**SPEC, "seeed": 1})
    assert "seeed" in {each.where for each in refused.value.problems}
    held = speaking.submit(orc.experiment("held"))
    with pytest.raises(TimeoutError):
        held.wait(timeout_seconds=0.1)
    held.cancel()
    held.wait(timeout_seconds=20)
    with pytest.raises(Conflict):
        held.pause()
    with pytest.raises(NoDaemon):
        Client(state_directory=orc.home / "nobody", start=False).status()


@pytest.mark.asyncio
async def test_the_asynchronous_client_does_the_same(orc: Orc) -> None:
    """It submits, follows, waits and reads without blocking the loop."""
    async with AsyncClient(state_directory=orc.state, announce=lambda _text: None) as speaking:
        folder = orc.experiment("held")
        experiment = await speaking.submit(folder, overrides=["limits.max_parallel=1"])
        with pytest.raises(TimeoutError):
            await experiment.wait(timeout_seconds=0.1)
        open_gate(folder)
        assert (await experiment.wait(timeout_seconds=30))["state"] == "succeeded"
        assert (await experiment.best())["params"] == {"x": 1}
        assert len(await experiment.variants()) == 3
        assert [each["state"] async for each in experiment.progress()][-1] == "succeeded"
        kinds = [each["kind"] async for each in speaking.events(since=0, experiment=int(experiment.ref))]
        assert kinds[-1] == "experiment_ended"
        assert (await speaking.status())["state"] == "ready"
        with pytest.raises(NotFound):
            await speaking.experiment("nobody-has-this-name")
