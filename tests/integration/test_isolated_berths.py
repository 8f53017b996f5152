"""Whatever a command does to the files it was given, the commands after it, of any experiment, find everything as they must."""

from pathlib import Path

import anyio
import pytest

from orchestrator.domain.outcome import AttemptEnd
from orchestrator.executors.base import StopSwitch
from tests.support.commands import batch_of, evaluation_of, isolated, job_of, only

pytestmark = pytest.mark.asyncio

PLACE = 'place="$(dirname "$ORC_PARAMS")"; '
SPOILING = {
    "scratch removed": 'rm -rf "$ORC_SCRATCH"',
    "scratch unreadable": 'echo x > "$ORC_SCRATCH/x"; chmod 0 "$ORC_SCRATCH"',
    "scratch a link": 'rm -rf "$ORC_SCRATCH"; ln -s "$PWD" "$ORC_SCRATCH"',
    "scratch a file": 'rm -rf "$ORC_SCRATCH"; echo x > "$ORC_SCRATCH"',
    "result a pipe": 'mkfifo "$ORC_RESULT"',
    "result a folder": 'mkdir "$ORC_RESULT"; echo x > "$ORC_RESULT/x"',
    "result empty": ': > "$ORC_RESULT"',
    "parameters a folder": 'rm "$ORC_PARAMS"; mkdir "$ORC_PARAMS"',
    "parameters a link": 'ln -sf "$PWD/mine" "$ORC_PARAMS"',
    "parameters a pipe": 'rm "$ORC_PARAMS"; mkfifo "$ORC_PARAMS"',
    "parameters shared": 'rm "$ORC_PARAMS"; ln "$PWD/mine" "$ORC_PARAMS"',
    "parameters unwritable": 'chmod 0 "$ORC_PARAMS"',
    "output a link": 'ln -sf "$PWD/mine" "$place/out"',
    "output a pipe": 'rm "$place/out"; mkfifo "$place/out"',
    "output a folder": 'rm "$place/err"; mkdir "$place/err"',
    "output full": 'rm "$place/out"; echo old > "$place/out"; echo old > "$place/err"',
    "folder removed": 'rm -rf "$place"',
    "folder a link": 'rm -rf "$place"; ln -s "$PWD" "$place"',
    "folder another": 'mv "$place" "$place.old"; mkdir "$place"',
    "folder full": 'echo x > "$place/more"',
    "all folders removed": 'rm -rf "$(dirname "$place")"',
}
NEXT = (
    'cat "$ORC_PARAMS"; ls -A "$ORC_SCRATCH"; echo x > "$ORC_SCRATCH/x"; test ! -e "$ORC_RESULT"; echo $? >&2;'
    'echo 5 > "$ORC_RESULT"; echo printed'
)


@pytest.mark.parametrize("spoiling", SPOILING.values(), ids=SPOILING.keys())
async def test_the_next_command_finds_its_files_as_they_must_be(tmp_path: Path, spoiling: str) -> None:
    """Its parameters, an empty scratch folder, no result, its own output; what a link named is untouched."""
    (tmp_path / "work").mkdir()
    mine = tmp_path / "work" / "mine"
    mine.write_text("mine", encoding="ascii")
    async with isolated(tmp_path) as executor:
        with anyio.fail_after(20):
            first = only(await executor.run(batch_of(job_of(tmp_path, PLACE + spoiling)), StopSwitch()))
            later = [evaluation_of({"x": number}, variant=4, iteration=number) for number in (1, 2)]
            result = await executor.run(batch_of(job_of(tmp_path, NEXT), *later), StopSwitch())
    assert first.end is AttemptEnd.SUCCEEDED
    assert [outcome.metrics for outcome in result.outcomes.values()] == [{"value": 5}] * 2
    outputs = tmp_path / "runs" / "12" / "4"
    assert [(outputs / f"{number}.1.out").read_text(encoding="ascii") for number in (1, 2)] == [
        f'{{"x": {number}}}printed\n' for number in (1, 2)
    ]
    assert (outputs / "1.1.err").read_text(encoding="ascii") == "0\n"
    assert mine.read_text(encoding="ascii") == "mine"
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["mine"]
    assert list((tmp_path / "isolated").iterdir()) == []


async def test_a_scratch_folder_as_deep_as_can_be_is_removed(tmp_path: Path) -> None:
    """Deeper than Python calls: it is a success like any other, and nothing is left."""
    job = job_of(tmp_path, f'mkdir -p "$ORC_SCRATCH/{"d/" * 1500}"')
    async with isolated(tmp_path) as executor:
        assert only(await executor.run(batch_of(job), StopSwitch())).end is AttemptEnd.SUCCEEDED
    assert list((tmp_path / "isolated").iterdir()) == []


@pytest.mark.parametrize("what", ["rm", "ln -sf $PWD/mine"])
async def test_what_a_command_prints_is_kept_although_it_removed_the_file(tmp_path: Path, what: str) -> None:
    """Also its metrics on the last line; a long file that a link leads to is neither cut nor taken away."""
    mine = tmp_path / "work" / "mine"
    mine.parent.mkdir()
    mine.write_bytes(b"x" * 10_000)
    command = f"{PLACE} echo one; {what} $place/out; seq 1 1000; echo '{{{{\"x\": 1}}}}'"
    async with isolated(tmp_path, output_limit_bytes=1000) as executor:
        outcome = only(await executor.run(batch_of(job_of(tmp_path, command)), StopSwitch()))
    assert outcome.metrics == {"x": 1}
    kept = (tmp_path / "runs" / "12" / "3" / "1.1.out").read_text(encoding="ascii")
    assert kept.startswith("one\n1\n")
    assert kept.endswith('1000\n{"x": 1}\n')
    assert mine.read_bytes() == b"x" * 10_000
