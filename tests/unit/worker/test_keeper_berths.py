"""The places of evaluations: streams that are shown and kept, and berths that are as new for the next, whatever became of them."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.worker.keeper_berths import LONGEST_RESULT_BYTES, Berth, Berths
from orchestrator.worker.keeper_files import TooLong, remove_tree
from orchestrator.worker.keeper_streams import LONGEST_LINE_BYTES, Stream

Spare = Callable[[Path], Stream]


@pytest.fixture
def spare_for(tmp_path: Path) -> Iterator[Spare]:
    """Makes streams whose spare file is `spare`, and shuts them."""
    place = os.open(tmp_path, os.O_RDONLY)
    made: list[Stream] = []

    def make(final: Path) -> Stream:
        made.append(Stream(place, "spare", str(final)))
        return made[-1]

    yield make
    for stream in made:
        stream.shut()
    os.close(place)


def test_a_stream_appears_where_it_belongs_once_something_was_written(tmp_path: Path, spare_for: Spare) -> None:
    """Also while it is written to; what comes later goes to the same file."""
    final = tmp_path / "3" / "1.1.out"
    stream = spare_for(final)
    descriptor = stream.open()
    stream.look(1000)
    assert not final.exists()
    os.write(descriptor, b"one ")
    stream.look(1000)
    assert final.read_bytes() == b"one "
    os.write(descriptor, b"two")
    stream.measure()
    stream.settle(1000)
    assert (final.read_bytes(), stream.written_bytes) == (b"one two", 7)
    assert not (tmp_path / "spare").exists()


def test_a_stream_replaces_what_an_interrupted_start_has_left(tmp_path: Path, spare_for: Spare) -> None:
    """At the first look and at the end alike; one that stays empty removes it."""
    final = tmp_path / "1.1.out"
    for content in (b"new", b""):
        final.write_bytes(b"old")
        stream = spare_for(final)
        descriptor = stream.open()
        os.write(descriptor, content)
        stream.look(1000)
        stream.measure()
        stream.settle(1000)
        assert (final.read_bytes() if content else final.exists()) == (content or False)


def test_a_stream_that_grows_without_end_is_held_down_on_the_disk(tmp_path: Path, spare_for: Spare) -> None:
    """Each look gives the middle back; at the end the file is small."""
    final = tmp_path / "1.1.out"
    stream = spare_for(final)
    descriptor = stream.open()
    for _ in range(20):
        os.write(descriptor, b"x" * (1 << 20))
        stream.look(1 << 16)
    assert final.stat().st_size == 20 << 20
    assert final.stat().st_blocks * 512 < 4 << 20
    stream.measure()
    stream.settle(1 << 16)
    assert final.stat().st_size == 1 << 16


def test_output_for_another_file_system_is_copied(tmp_path: Path, spare_for: Spare) -> None:
    """A rename cannot reach it; nothing stays behind."""
    elsewhere = Path("/dev/shm")
    assert elsewhere.stat().st_dev != tmp_path.stat().st_dev
    final = elsewhere / tmp_path.name / "1.1.out"
    stream = spare_for(final)
    descriptor = stream.open()
    os.write(descriptor, b"text")
    stream.look(1000)
    stream.measure()
    assert stream.end(2) == b"xt"
    stream.settle(1000)
    try:
        assert final.read_bytes() == b"text"
        assert (tmp_path / "spare").read_bytes() == b""
    finally:
        final.unlink()
        final.parent.rmdir()


@pytest.mark.parametrize("shown", [False, True])
@pytest.mark.parametrize("instead", ["nothing", "link", "folder", "pipe", "file"])
def test_what_was_printed_is_kept_whatever_became_of_the_name(
    tmp_path: Path, spare_for: Spare, instead: str, shown: bool
) -> None:
    """A link there leads nowhere: what it names is neither read, nor cut, nor moved."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"x" * 5000)
    final, spare = tmp_path / "3" / "1.1.out", tmp_path / "spare"
    stream = spare_for(final)
    os.write(stream.open(), b"text")
    if shown:
        stream.look(1000)
    spare.unlink()
    _put(spare, instead, elsewhere)
    stream.look(1000)
    stream.measure()
    assert stream.end(2) == b"xt"
    stream.settle(1000)
    assert (final.read_bytes(), final.is_symlink()) == (b"text", False)
    assert elsewhere.read_bytes() == b"x" * 5000


def _put(path: Path, what: str, elsewhere: Path) -> None:
    """Something else where a file or a folder was."""
    if what == "link":
        path.symlink_to(elsewhere)
    elif what == "folder":
        path.mkdir()
        (path / "x").mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "file":
        path.write_bytes(b"y" * 2000)


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (b'x\n {"a": 1} \n\n', '{"a": 1}'),
        (b'{"a": 1}\nx\n', None),
        (b" " * LONGEST_LINE_BYTES + b'\n{"a": 1}', '{"a": 1}'),
        (b"x" * LONGEST_LINE_BYTES + b'{"a": 1}', None),
        (b"{" + b"x" * LONGEST_LINE_BYTES, None),
        (b"{" + b" " * (LONGEST_LINE_BYTES - 2) + b"}", "{" + " " * (LONGEST_LINE_BYTES - 2) + "}"),
    ],
    ids=["object", "text", "after blanks", "long text", "no object", "as long as can be"],
)
def test_the_end_of_a_stream_is_searched_for_an_object(
    tmp_path: Path, spare_for: Spare, output: bytes, line: str | None
) -> None:
    """Blank lines after it do not matter, another line does; a line for people may be as long as it likes."""
    stream = spare_for(tmp_path / "1.1.out")
    os.write(stream.open(), output)
    stream.measure()
    assert stream.last_object_line() == line


@pytest.mark.parametrize("length", [LONGEST_LINE_BYTES + 1, 3 * LONGEST_LINE_BYTES, 70 * LONGEST_LINE_BYTES])
def test_an_object_that_is_too_long_is_told_from_none(tmp_path: Path, spare_for: Spare, length: int) -> None:
    """How long it is, as far as anybody looks."""
    stream = spare_for(tmp_path / "1.1.out")
    os.write(stream.open(), b"first\n{" + b"x" * (length - 2) + b"}")
    stream.measure()
    with pytest.raises(TooLong) as refused:
        stream.last_object_line()
    seen = min(length, 65 * LONGEST_LINE_BYTES)
    assert refused.value.facts == {"kind": "last_line", "bytes": seen, "limit_bytes": LONGEST_LINE_BYTES}


def names_in(folder: str | Path) -> list[str]:
    """What is in it."""
    return sorted(entry.name for entry in Path(folder).iterdir())


@pytest.fixture
def berths(tmp_path: Path) -> Berths:
    """Places below `berths`, with `scratch` to put things aside."""
    (tmp_path / "scratch").mkdir()
    return Berths(str(tmp_path / "berths" / "1"), scratch=str(tmp_path / "scratch"))


def test_a_berth_is_as_new_for_the_next(berths: Berths) -> None:
    """Result and scratch are taken out; shorter parameters replace longer ones."""
    berth = berths.take()
    berth.furnish('{"long": "parameters"}')
    Path(berth.result).write_text("5", encoding="utf-8")
    (Path(berth.scratch) / "dump").write_text("x", encoding="utf-8")
    assert berth.take_result() == "5"
    aside = berth.take_scratch(berths.aside("12.3.1.1"))
    assert aside is not None
    assert (Path(aside) / "dump").exists()
    berths.give_back(berth)
    again = berths.take()
    again.furnish("{}")
    assert again is berth
    assert (again.take_result(), again.take_scratch(berths.aside("12.3.2.1"))) == (None, None)
    assert Path(again.parameters).read_text(encoding="utf-8") == "{}"


def test_a_result_that_is_too_long_is_refused_and_removed(berths: Berths) -> None:
    """One as long as can be is read."""
    berth = berths.take()
    for length in (LONGEST_RESULT_BYTES, LONGEST_RESULT_BYTES + 1):
        Path(berth.result).write_bytes(b"5" * length)
        if length == LONGEST_RESULT_BYTES:
            assert berth.take_result() == "5" * length
    with pytest.raises(TooLong) as refused:
        berth.take_result()
    assert refused.value.facts == {"kind": "result", "bytes": length, "limit_bytes": LONGEST_RESULT_BYTES}
    assert berth.take_result() is None


def _spoil(berth: Berth, how: str, elsewhere: Path) -> None:
    """What an evaluation may do to its berth."""
    name, _, what = how.partition(" ")
    path = {"params": berth.parameters, "result": berth.result, "scratch": berth.scratch, "more": berth.folder + "/x"}
    place = Path(path.get(name) or (berth.folder if name == "folder" else f"{berth.folder}/{name}"))
    if what == "chmod":
        place.chmod(0o500)
    elif what == "second":
        (elsewhere / "second").hardlink_to(place)
    else:
        remove_tree(str(place))
        _put(place, what, elsewhere)


@pytest.mark.parametrize(
    "how",
    [
        *(
            f"{name} {what}"
            for name in ("params", "result", "out", "err", "more")
            for what in ("link", "folder", "pipe")
        ),
        *(f"scratch {what}" for what in ("gone", "link", "file", "pipe", "chmod", "folder")),
        *(f"folder {what}" for what in ("gone", "link", "file", "folder", "chmod")),
        *("params chmod", "params second", "out chmod", "out second", "out file", "more file"),
    ],
)
def test_whatever_an_evaluation_did_to_its_berth_the_next_one_finds_what_it_needs(
    tmp_path: Path, berths: Berths, how: str
) -> None:
    """A fresh one, if need be; nothing is written, moved or removed where a link leads."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "out").write_bytes(b"mine")
    (elsewhere / "result").write_bytes(b"3")
    written: list[int] = []
    for number in range(2):
        berth = berths.take()
        berth.furnish("{}")
        streams = berth.streams(str(tmp_path / f"{number}.out"), str(tmp_path / f"{number}.err"))
        written = [os.write(stream.open(), b"x" * number) for stream in streams]
        if not number:
            _spoil(berth, how, elsewhere)
        for stream in streams:
            stream.measure()
            stream.settle(1000)
            stream.shut()
        berth.take_result()
        berth.take_scratch(berths.aside(f"12.3.{number}.1"))
        berths.give_back(berth)
    assert written == [1, 1]
    assert (tmp_path / "1.out").read_bytes() == b"x"
    last = berths.take()
    assert Path(last.folder).lstat().st_mode == Path(last.scratch).lstat().st_mode == 0o40700
    assert names_in(last.folder) == ["params.json", "scratch"]
    assert names_in(last.scratch) == []
    assert Path(last.parameters).stat().st_nlink == 1
    assert (elsewhere / "out").read_bytes() == b"mine"
    assert set(names_in(elsewhere)) <= {"out", "result", "second"}


def test_a_berth_that_nothing_was_done_to_is_used_again(berths: Berths) -> None:
    """The same place, with the same files."""
    first = berths.take()
    for _ in range(3):
        first.furnish("{}")
        streams = first.streams("/nowhere/out", "/nowhere/err")
        for stream in streams:
            stream.open()
            stream.measure()
            stream.settle(1000)
            stream.shut()
        assert (first.take_result(), first.take_scratch(berths.aside("12.3.1.1"))) == (None, None)
        berths.give_back(first)
        assert berths.take() is first
    assert names_in(first.folder) == ["err", "out", "params.json", "scratch"]


@pytest.mark.parametrize("what", ["gone", "link", "file"])
def test_when_all_places_are_gone_new_ones_are_made(tmp_path: Path, berths: Berths, what: str) -> None:
    """A link in their place is removed, not followed."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    berths.give_back(berths.take())
    remove_tree(str(tmp_path / "berths" / "1"))
    _put(tmp_path / "berths" / "1", what, elsewhere)
    berth = berths.take()
    berth.furnish("{}")
    assert Path(berth.parameters).read_text(encoding="utf-8") == "{}"
    assert list(elsewhere.iterdir()) == []


def test_a_very_deep_folder_is_removed(tmp_path: Path) -> None:
    """Deeper than Python calls."""
    path = tmp_path / "deep"
    deep = str(path) + "/d" * 1500
    subprocess.run(["mkdir", "-p", deep], check=True)
    (tmp_path / "kept").mkdir()
    Path(deep, "link").symlink_to(tmp_path / "kept")
    remove_tree(str(path))
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]
