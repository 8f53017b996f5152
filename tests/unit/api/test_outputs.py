"""Claims about captured output."""

from pathlib import Path

import pytest

from orchestrator.api.following import FirstPass
from orchestrator.api.outputs import PIECE_BYTES, Printer, Tail, drain, tails
from orchestrator.domain.refs import parse_ref


def test_tail_gives_what_is_new(tmp_path: Path) -> None:
    """Each read gives what was written since the one before; before the file is there, nothing."""
    tail = Tail("t", tmp_path / "f")
    assert tail.read() == b""
    (tmp_path / "f").write_bytes(b"one")
    assert tail.read() == b"one"
    with (tmp_path / "f").open("ab") as file:
        file.write(b"two")
    assert tail.read() == b"two"
    assert tail.read() == b""


def test_tail_survives_a_file_that_is_cut(tmp_path: Path) -> None:
    """When the file becomes shorter, reading goes on at its end."""
    tail = Tail("t", tmp_path / "f")
    (tmp_path / "f").write_bytes(b"0123456789")
    assert tail.read() == b"0123456789"
    (tmp_path / "f").write_bytes(b"0123")
    assert tail.read() == b""
    with (tmp_path / "f").open("ab") as file:
        file.write(b"new")
    assert tail.read() == b"new"


@pytest.mark.asyncio
async def test_long_file_comes_in_pieces(tmp_path: Path) -> None:
    """No piece is longer than twice 64 KiB, and together they are the file."""
    content = bytes(range(256)) * 600
    (tmp_path / "f").write_bytes(content)
    pieces = [piece async for piece in drain([Tail("t", tmp_path / "f")], Printer(titles=False))]
    assert max(map(len, pieces)) <= 2 * PIECE_BYTES
    assert b"".join(pieces) == content


@pytest.mark.asyncio
async def test_many_small_files_come_in_few_pieces(tmp_path: Path) -> None:
    """A thousand files, most of them missing, are joined in order."""
    files = [Tail(str(number), tmp_path / str(number)) for number in range(1000)]
    for number in range(0, 1000, 10):
        (tmp_path / str(number)).write_text(f"{number}\n")
    pieces = [piece async for piece in drain(files, Printer(titles=False))]
    assert b"".join(pieces).split() == [str(number).encode() for number in range(0, 1000, 10)]
    assert len(pieces) == 1


def test_titles_say_which_file_follows() -> None:
    """A title stands before output of another file than before, on a line of its own, and only then."""
    printer = Printer(titles=True)
    text = b"".join(printer.text(*each) for each in [("a", b"1\n"), ("a", b"2"), ("b", b"3\n"), ("a", b"4\n")])
    assert text == b"==> a <==\n1\n2\n==> b <==\n3\n==> a <==\n4\n"


def test_attempts_have_their_own_files(tmp_path: Path) -> None:
    """The files of attempt 2 at 12.3.1 are `runs/12/3/1.2.out` and `.err`."""
    files = tails(tmp_path, parse_ref("12.3.1"), attempt=2, which="both")
    assert [str(file.path.relative_to(tmp_path)) for file in files] == ["runs/12/3/1.2.out", "runs/12/3/1.2.err"]
    assert [file.path.suffix for file in tails(tmp_path, parse_ref("12.3.1"), attempt=1, which="err")] == [".err"]


@pytest.mark.parametrize(
    ("ref", "seq", "expected"),
    [
        ("1.1.1", 5, True),  # told before its page was read
        ("1.1.1", 6, False),
        ("1.2.1", 6, True),  # told later, and in the page all the same
        ("1.3.1", 7, True),  # the second page was read later
        ("1.3.1", 8, False),
        ("1.9.1", 1, False),  # in no page
    ],
)
def test_first_pass_knows_which_starts_it_has_met(ref: str, seq: int, expected: bool) -> None:
    """A start is old news when its page was read after it, or shows it; a start of another variant is not."""
    first_pass = FirstPass()
    first_pass.add(2, newest=5, also=frozenset({"1.2.1"}))
    first_pass.add(4, newest=7, also=frozenset())
    assert first_pass.has_met(parse_ref(ref), seq=seq) is expected
