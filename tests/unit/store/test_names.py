"""Claims about what a person means by a text: a ref, a name, a part of what is named."""

from pathlib import Path

import pytest

from orchestrator.errors import InvalidReference, NotFound
from orchestrator.store.store import open_store
from tests.support.records import add_experiment

pytestmark = pytest.mark.asyncio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "orchestrator.db"


async def test_a_text_is_resolved_to_what_a_person_means(path: Path) -> None:
    """A name means the newest experiment that has it; a ref means itself; what is not there says which level is missing."""
    async with open_store(path) as store:
        for name in ("a", "b", "a"):
            await add_experiment(store, name=name)
        resolved = [str(await store.views.resolve(text)) for text in ("a", "b", "2", "2.3", "2.3.1")]
        messages = []
        for text in ("c", "4", "2.4", "2.3.2"):
            with pytest.raises(NotFound) as caught:
                await store.views.resolve(text)
            messages.append(caught.value.message)
        with pytest.raises(InvalidReference, match="out of range"):
            await store.views.resolve(str(2**63))

    assert resolved == ["3", "2", "2", "2.3", "2.3.1"]
    assert messages == [
        "there is no experiment named 'c'",
        "there is no experiment 4",
        "there is no variant 2.4",
        "there is no iteration 2.3.2",
    ]


async def test_a_part_is_named_by_the_name_of_its_experiment(path: Path) -> None:
    """The longest name that there is counts: what looks like a number may belong to it."""
    async with open_store(path) as store:
        for name in ("a", "b.2", "b"):
            await add_experiment(store, name=name)
        texts = ("a.3", "a.3.1", "b.2", "b.2.1", "b.2.1.1", "b.1.1")
        resolved = [str(await store.views.resolve(text)) for text in texts]
        for text in ("a.9", "a.3.9", "a.x", "a.", ".3", "a.3.1.1", "a.²"):
            with pytest.raises((NotFound, InvalidReference)):
                await store.views.resolve(text)

    assert resolved == ["1.3", "1.3.1", "2", "2.1", "2.1.1", "3.1.1"]


async def test_a_name_that_is_nearly_one_is_recognised(path: Path) -> None:
    """The hint names the experiment that was probably meant, and where to look otherwise."""
    async with open_store(path) as store:
        for name in ("compression", "sort"):
            await add_experiment(store, name=name)
        hints = []
        for text in ("compresion", "x"):
            with pytest.raises(NotFound) as caught:
                await store.views.resolve(text)
            hints.append(caught.value.hint)

    assert hints == [
        "did you mean 'compression'? orc ls shows the experiments there are",
        "orc ls shows the experiments there are",
    ]
