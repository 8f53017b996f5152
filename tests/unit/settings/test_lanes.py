"""The table of lanes: the one that comes along, one of one's own, and one that is wrong."""

from pathlib import Path

import pytest

from orchestrator.errors import InvalidSettings
from orchestrator.settings import read_lanes


def table(tmp_path: Path, text: str) -> Path:
    """A table of lanes with this text."""
    path = tmp_path / "lanes.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_bundled_table_has_the_three_lanes() -> None:
    """Each with what the daemon needs of it."""
    lanes = read_lanes()
    assert {
        name: (lane.strategy, lane.workers, lane.sla_seconds, lane.limit_seconds) for name, lane in lanes.items()
    } == {
        "docs": ("thread", 2, 10.0, 300.0),
        "standard": ("adaptive", None, 30.0, 900.0),
        "heavy": ("process", 8, 60.0, 1200.0),
    }


def test_a_table_of_ones_own_replaces_it(tmp_path: Path) -> None:
    """Durations in one unit, in several, or a number of seconds; what a lane does not say is left open."""
    lanes = read_lanes(
        table(
            tmp_path,
            '[lanes.mine]\nstrategy = "process"\nsla = 1.5\nlimit = "1h30m"\n[lanes.open]\nstrategy = "thread"\n',
        )
    )
    assert (lanes["mine"].sla_seconds, lanes["mine"].limit_seconds) == (1.5, 5400.0)
    assert (lanes["open"].workers, lanes["open"].sla_seconds, lanes["open"].limit_seconds) == (None, None, None)


def test_every_mistake_is_told_with_its_place(tmp_path: Path) -> None:
    """All at once."""
    wrong = '[lanes.a]\nstrategy = 1\nworkers = 0\nsla = "soon"\n[lanes.b]\nlimit = -1\n'
    with pytest.raises(InvalidSettings) as told:
        read_lanes(table(tmp_path, wrong))
    places = [problem.where for problem in told.value.problems]
    assert places == ["lanes.a.strategy", "lanes.a.workers", "lanes.a.sla", "lanes.b.strategy", "lanes.b.limit"]


@pytest.mark.parametrize("text", ["", "lanes = 3", "[lanes", "[lane.a]\nstrategy = 'thread'"])
def test_what_is_no_table_of_lanes_is_refused(tmp_path: Path, text: str) -> None:
    """Empty, of another shape, or no TOML at all."""
    with pytest.raises(InvalidSettings):
        read_lanes(table(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The sentence has its path."""
    with pytest.raises(InvalidSettings, match=r"nowhere\.toml"):
        read_lanes(tmp_path / "nowhere.toml")
