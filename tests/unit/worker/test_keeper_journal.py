"""What a keeper has written down is what its successor reads."""

from pathlib import Path

from orchestrator.worker.keeper_journal import Journal, read_past

KEEPER = {"pid": 9, "start_ticks": 10, "boot_id": "boot", "instance": 7}
PLACES = {"mark": 1, "folder": "/f", "out": "/o", "err": "/e", "output_bytes": 5}


def opened(path: Path, *, ended: dict[str, dict[str, object]] | None = None) -> Journal:
    """A journal of this keeper."""
    return Journal(str(path), keeper=KEEPER, ended=ended or {})


def test_what_was_begun_and_what_has_ended_is_read_again(tmp_path: Path) -> None:
    """Planned ones were never begun; an end takes the place of a beginning; what was forgotten is gone."""
    path = tmp_path / "journal"
    journal = opened(path)
    journal.plan({"1": 1, "2": 2, "3": 3, "4": 4})
    for token in ("1", "2", "3"):
        journal.begin(token, PLACES)
    journal.started("1", {"pid": 5, "start_ticks": 6, "started_us": 7})
    journal.end("2", {"event": "ended", "token": "2", "status": 0})
    journal.end("3", {"event": "ended", "token": "3", "status": 1})
    journal.forget(["3", "unheard of"])
    assert journal.sync()
    past = read_past(str(path))
    assert past.keeper == KEEPER
    assert {token: begun["pid"] for token, begun in past.begun.items()} == {"1": 5}
    assert past.ended == {"2": {"event": "ended", "token": "2", "status": 0}}
    assert not journal.empty


def test_a_line_that_was_cut_off_counts_for_nothing(tmp_path: Path) -> None:
    """Wherever the keeper died in the middle of writing, what stands before is read."""
    path = tmp_path / "journal"
    journal = opened(path)
    journal.begin("1", PLACES)
    journal.write()
    whole = path.read_bytes()
    journal.end("1", {"event": "ended", "token": "1"})
    journal.sync()
    longer = path.read_bytes()
    for length in range(len(whole), len(longer) - 1):
        path.write_bytes(longer[:length])
        past = read_past(str(path))
        assert (set(past.begun), set(past.ended)) == ({"1"}, set())


def test_nothing_is_read_from_a_folder_where_no_keeper_was(tmp_path: Path) -> None:
    """Neither from an empty file."""
    assert read_past(str(tmp_path / "journal")) == (None, {}, {})
    (tmp_path / "journal").touch()
    assert read_past(str(tmp_path / "journal")) == (None, {}, {})


def test_ends_are_carried_over_and_the_file_stays_small(tmp_path: Path) -> None:
    """A journal begins with what its predecessor left; after thousands of evaluations only what counts is in it."""
    path = tmp_path / "journal"
    old: dict[str, dict[str, object]] = {"old": {"event": "ended", "token": "old"}}
    journal = opened(path, ended=old)
    for number in range(4000):
        journal.begin(str(number), PLACES)
        journal.end(str(number), {"event": "ended", "token": str(number), "result": "x" * 400})
        journal.forget([str(number)])
        assert journal.sync()
    assert path.stat().st_size < 3 << 20
    assert journal.ends == list(old.values())
    assert read_past(str(path)).ended == old
    journal.forget_all()
    assert journal.empty
    journal.remove()
    assert list(tmp_path.iterdir()) == []
