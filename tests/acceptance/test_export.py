"""`orc export`."""

import os
from threading import Thread

from tests.support.daemon import Orc

HEADER = "ref,variant,stage,case,repeat,state,cause,seed,param.x,metric.height,metric.x_again"


def test_csv_has_a_row_an_iteration_in_order(orc: Orc) -> None:
    """The columns are the documented ones, refs are relative to the experiment, and line ends are single."""
    ref = orc.finished()
    exported = orc("export", ref, "--format", "csv")
    lines = exported.out.split("\n")
    assert lines[0] == HEADER
    assert [line.split(",")[0] for line in lines[1:]] == ["1.1", "2.1", "3.1", ""]


def test_two_runs_of_one_experiment_export_the_same_bytes(orc: Orc) -> None:
    """With a seed given nothing in the export tells them apart; with timings something does."""
    folder = orc.experiment(more="seed = 4")
    first, second = (orc("submit", str(folder)).out.strip() for _ in range(2))
    orc("wait", first, second, "--timeout", "30")
    assert orc("export", first).out == orc("export", second).out
    assert "wall_seconds" in orc("export", first, "--timings").out


def test_a_file_is_written_whole(orc: Orc) -> None:
    """`-o` writes what stdout would get; parquet is refused with what to do instead."""
    ref = orc.finished()
    assert orc("export", ref, "--format", "json", "-o", "out.json").status == 0
    assert (orc.home / "out.json").read_text() == orc("export", ref, "--format", "json").out
    refused = orc("export", ref, "--format", "parquet", "--json")
    assert refused.status == 2
    assert "csv" in refused.error["hint"]


def test_what_is_no_file_is_written_to_and_stays_what_it_is(orc: Orc) -> None:
    """`-o` through a link changes the file behind it, and into a named pipe the rows go to whoever reads it; neither is replaced."""
    ref = orc.finished()
    expected = orc("export", ref).out
    behind, link, pipe = (orc.home / name for name in ("behind.csv", "link.csv", "pipe.csv"))
    behind.write_text("an older one")
    link.symlink_to(behind)
    assert orc("export", ref, "-o", str(link)).status == 0
    assert (link.is_symlink(), behind.read_text()) == (True, expected)
    os.mkfifo(pipe)
    read: list[str] = []
    reader = Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    assert orc("export", ref, "-o", str(pipe)).status == 0
    reader.join(timeout=20)
    assert (pipe.is_fifo(), read) == (True, [expected])


def test_a_place_that_cannot_be_written_is_named_as_it_was_given(orc: Orc) -> None:
    """Exit status 2, the path, and the reason; nothing is left there."""
    ref = orc.finished()
    for path, why in (
        ("/proc/none/out.csv", "No such file or directory"),
        ("/proc/out.csv", "No such file or directory"),
    ):
        refused = orc("export", ref, "-o", path)
        assert (refused.status, refused.err) == (2, f"error: {path} cannot be written: {why}\n")
