"""What comes of a command that is run for real by the isolated executor."""

import json
import math
import sys
from pathlib import Path

import pytest

from orchestrator.domain.outcome import AttemptEnd
from orchestrator.domain.states import Cause
from orchestrator.executors.base import StopSwitch
from tests.support.commands import batch_of, evaluation_of, isolated, job_of, only, run_one

pytestmark = pytest.mark.asyncio


async def test_a_json_object_on_the_last_line_is_the_metrics(tmp_path: Path) -> None:
    """What stands above the last line that is not blank does not count."""
    outcome = await run_one(tmp_path, 'echo \'{{"a": 1}}\'; echo noise; echo \'{{"x": 0.5, "n": 3}}\'; echo')
    assert (outcome.end, outcome.metrics) == (AttemptEnd.SUCCEEDED, {"x": 0.5, "n": 3.0})


async def test_the_result_file_counts_before_the_last_line(tmp_path: Path) -> None:
    """A number in $ORC_RESULT is the metric `value`, whatever was printed."""
    outcome = await run_one(tmp_path, "echo 2.5 > $ORC_RESULT; echo '{{\"x\": 1}}'")
    assert outcome.metrics == {"value": 2.5}


async def test_declared_patterns_count_before_everything(tmp_path: Path) -> None:
    """The last match of a pattern is the metric."""
    command = "echo ratio=1.5; echo ratio=2.25; echo 9 > $ORC_RESULT; echo '{{\"x\": 1}}'"
    outcome = await run_one(tmp_path, command, metric_patterns=(("ratio", r"ratio=([\d.]+)"),))
    assert outcome.metrics == {"ratio": 2.25}


async def test_a_pattern_without_a_match_is_an_invalid_result_that_names_it(tmp_path: Path) -> None:
    """The metric and its pattern stand in the error."""
    outcome = await run_one(tmp_path, ["echo", "nothing"], metric_patterns=(("ratio", r"ratio=(\d+)"),))
    assert (outcome.end, outcome.cause) == (AttemptEnd.FAILED, Cause.INVALID_RESULT)
    assert "'ratio'" in (outcome.error or "")
    assert r"ratio=(\d+)" in (outcome.error or "")


async def test_no_metrics_at_all_is_a_success_with_measured_numbers(tmp_path: Path) -> None:
    """`true` succeeds, and its process, times and memory are known."""
    outcome = await run_one(tmp_path, ["true"])
    usage = outcome.usage
    assert (outcome.end, outcome.metrics, outcome.exit_status) == (AttemptEnd.SUCCEEDED, {}, 0)
    assert usage.pid
    assert usage.start_ticks
    assert usage.wall_seconds
    assert usage.max_rss_bytes
    assert usage.cpu_seconds is not None
    assert usage.output_bytes == 0
    assert usage.read_bytes is not None
    assert usage.written_bytes == 0
    assert usage.finished_us is not None
    assert usage.started_us is not None
    assert usage.finished_us > usage.started_us


@pytest.mark.parametrize("text", ['{"x": NaN}', '{"x": "high"}', '{"x": true}', '{"x": {"y": 1}}', '{"x": 1e999}'])
async def test_a_metric_that_is_not_a_finite_number_is_named(tmp_path: Path, text: str) -> None:
    """The outcome is invalid_result and the error says which metric."""
    outcome = await run_one(tmp_path, ["echo", text.replace("{", "{{").replace("}", "}}")])
    assert outcome.cause is Cause.INVALID_RESULT
    assert "'x'" in (outcome.error or "")


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("print('{\"a\":' * 100000 + '1' + '}' * 100000)", "262,144 bytes"),
        ("print('{\"a\":' * 20000 + '1' + '}' * 20000)", "nested too deeply"),
        ("open(os.environ['ORC_RESULT'], 'w').write('[' * 200000 + ']' * 200000)", "nested too deeply"),
        ("print(json.dumps({str(n): n for n in range(30000)}))", "262,144 bytes"),
        ("print('{\"v\":' + '5' * 5000 + '}')", "'v' is inf"),
        ("open(os.environ['ORC_RESULT'], 'w').write(' ' * (1 << 20) + '{\"v\": 1}')", "1,048,576 bytes"),
        ("print(json.dumps({'a b\\n': 2}))", "printable"),
    ],
    ids=["long and deep line", "deep line", "deep result", "long line", "digits", "long result", "name"],
)
async def test_metrics_that_cannot_be_read_are_an_invalid_result_that_says_why(
    tmp_path: Path, program: str, words: str
) -> None:
    """They are not left out in silence, and the evaluations beside this one are as they were."""
    (tmp_path / "program.py").write_text(
        f"import json, os, sys\nif sys.argv[1] == '1':\n    {program}\n", encoding="utf-8"
    )
    job = job_of(tmp_path, [sys.executable, "-S", str(tmp_path / "program.py"), "{x}"])
    async with isolated(tmp_path) as executor:
        batch = batch_of(job, *(evaluation_of({"x": number}, iteration=number + 1) for number in range(3)))
        result = await executor.run(batch, StopSwitch())
    assert [outcome.cause for outcome in result.outcomes.values()] == [None, Cause.INVALID_RESULT, None]
    assert words in (result.outcomes[1].error or "")


async def test_an_exit_status_is_a_failure_that_shows_the_errors_of_the_command(tmp_path: Path) -> None:
    """Cause, status and the last lines of its error output."""
    outcome = await run_one(tmp_path, "echo first >&2; echo bad input >&2; exit 3")
    assert (outcome.end, outcome.cause, outcome.exit_status) == (AttemptEnd.FAILED, Cause.EXITED, 3)
    assert outcome.error == "exited with status 3\nfirst\nbad input"


async def test_a_signal_is_named(tmp_path: Path) -> None:
    """The exit status is minus its number."""
    outcome = await run_one(tmp_path, "kill -SEGV $$")
    assert (outcome.cause, outcome.exit_status) == (Cause.SIGNALLED, -11)
    assert "SIGSEGV" in (outcome.error or "")


async def test_a_program_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    """Status 127, and where it was looked for."""
    outcome = await run_one(tmp_path, ["no-such-program", "x"])
    assert (outcome.cause, outcome.exit_status) == (Cause.EXITED, 127)
    assert "'no-such-program'" in (outcome.error or "")
    assert "PATH=" in (outcome.error or "")


async def test_a_file_that_is_no_program_is_said_not_to_be_executable(tmp_path: Path) -> None:
    """Status 126, for a file without the right and for one that is a directory."""
    (tmp_path / "script").write_text("#!/bin/sh\n", encoding="utf-8")
    for command in (str(tmp_path / "script"), str(tmp_path)):
        outcome = await run_one(tmp_path, [command])
        assert (outcome.cause, outcome.exit_status) == (Cause.EXITED, 126)
        assert command in (outcome.error or "")


async def test_a_working_directory_that_is_gone_is_named(tmp_path: Path) -> None:
    """The command does not start anywhere else instead."""
    outcome = await run_one(tmp_path, ["true"], workdir=str(tmp_path / "gone"))
    assert outcome.cause is Cause.EXITED
    assert str(tmp_path / "gone") in (outcome.error or "")


async def test_placeholders_and_variables_tell_the_command_what_it_is(tmp_path: Path) -> None:
    """Parameters, arguments and the reserved names, as arguments; the rest of the contract in the environment."""
    template = [
        "{x}",
        "{flag}",
        "{games}",
        "{nested}",
        "{seed}",
        "{shared_seed}",
        "{case}",
        "{repeat}",
        "{workdir}",
        "{{}}",
    ]
    job = job_of(
        tmp_path,
        ["sh", "-c", 'printf "%s\\n" "$@" > arguments; env > environment; cat "$ORC_PARAMS" > params', "sh", *template],
        arguments_json='{"games": 10}',
        environment=(("PATH", "/usr/bin:/bin"), ("THREADS", "1")),
        socket="/run/door.sock",
    )
    parameters = {"x": 0.1, "flag": True, "nested": {"a": [1, 2]}, "odd": "a b"}
    async with isolated(tmp_path) as executor:
        result = await executor.run(batch_of(job, evaluation_of(parameters, case="1-5", repeat=2)), StopSwitch())
    assert only(result).end is AttemptEnd.SUCCEEDED
    work = Path(job.workdir)
    arguments = (work / "arguments").read_text(encoding="utf-8").splitlines()
    assert arguments == ["0.1", "true", "10", '{"a":[1,2]}', "7", "8", "1-5", "2", job.workdir, "{}"]
    assert json.loads((work / "params").read_text(encoding="utf-8")) == parameters
    lines = (work / "environment").read_text(encoding="utf-8").splitlines()
    seen = dict(line.split("=", 1) for line in lines)
    shells_own = {"PWD", "OLDPWD", "SHLVL", "_"}
    assert {name: value for name, value in seen.items() if name not in shells_own | PLACES} == {
        **VARIABLES,
        "ORC_WORKDIR": job.workdir,
    }
    assert seen.keys() >= PLACES


PLACES = {"ORC_PARAMS", "ORC_RESULT", "ORC_SCRATCH"}
VARIABLES = {
    "PATH": "/usr/bin:/bin",
    "THREADS": "1",
    "ORC_REF": "12.3.1",
    "ORC_SEED": "7",
    "ORC_SHARED_SEED": "8",
    "ORC_STAGE": "main",
    "ORC_CASE": "1-5",
    "ORC_REPEAT": "2",
    "ORC_ATTEMPT": "1",
    "ORC_SOCKET": "/run/door.sock",
}


async def test_values_in_a_shell_command_are_data(tmp_path: Path) -> None:
    """A value cannot become part of the program."""
    job = job_of(tmp_path, "printf %s {x} > seen")
    async with isolated(tmp_path) as executor:
        await executor.run(batch_of(job, evaluation_of({"x": "a'; touch pwned; $(id) `id`"})), StopSwitch())
    assert (tmp_path / "work" / "seen").read_text(encoding="utf-8") == "a'; touch pwned; $(id) `id`"
    assert not (tmp_path / "work" / "pwned").exists()


async def test_output_goes_to_the_files_of_the_attempt(tmp_path: Path) -> None:
    """Both streams have their file, and a stream that stays empty has none."""
    job = job_of(tmp_path, ["sh", "-c", "echo hello; [ x{x} = x1 ] && echo oops >&2; exit 0"])
    async with isolated(tmp_path) as executor:
        batch = batch_of(job, evaluation_of({"x": 1}), evaluation_of({"x": 2}, iteration=2), evaluation_of(variant=4))
        result = await executor.run(batch, StopSwitch())
    assert len(result.outcomes) == 3
    found = {
        str(path.relative_to(job.output_folder)): path.read_bytes() for path in Path(job.output_folder).rglob("*.*")
    }
    assert found == {"3/1.1.out": b"hello\n", "3/1.1.err": b"oops\n", "3/2.1.out": b"hello\n", "4/1.1.out": b"hello\n"}


async def test_a_command_that_prints_nothing_leaves_nothing(tmp_path: Path) -> None:
    """No file and no folder, neither of the output nor of the executor."""
    job = job_of(tmp_path, ["true"])
    async with isolated(tmp_path) as executor:
        await executor.run(batch_of(job, *(evaluation_of(variant=number) for number in range(1, 6))), StopSwitch())
    assert not Path(job.output_folder).exists()
    assert list((tmp_path / "isolated").iterdir()) == []


async def test_a_huge_output_keeps_its_beginning_and_its_end(tmp_path: Path) -> None:
    """The file is within the limit, says what it lacks, and the metrics on the last line are found."""
    job = job_of(tmp_path, "seq 1 200000; echo '{{\"x\": 1}}'")
    async with isolated(tmp_path, output_limit_bytes=10_000) as executor:
        outcome = only(await executor.run(batch_of(job), StopSwitch()))
    kept = (tmp_path / "runs" / "12" / "3" / "1.1.out").read_text(encoding="utf-8")
    assert outcome.metrics == {"x": 1.0}
    assert outcome.usage.output_bytes == sum(len(str(number)) + 1 for number in range(1, 200_001)) + len('{"x": 1}\n')
    assert len(kept) <= 10_000
    assert kept.startswith("1\n2\n3\n")
    assert "bytes of output left out" in kept
    assert kept.endswith('\n200000\n{"x": 1}\n')


@pytest.mark.parametrize(("status", "kept"), [(0, False), (1, True)])
async def test_scratch_is_kept_beside_the_output_after_a_failure_only(tmp_path: Path, status: int, kept: bool) -> None:
    """What is in the scratch folder goes with success, and stays for whoever wants to know what failed."""
    job = job_of(tmp_path, "echo state > $ORC_SCRATCH/dump; exit {x}")
    async with isolated(tmp_path) as executor:
        await executor.run(batch_of(job, evaluation_of({"x": status})), StopSwitch())
        count = job_of(tmp_path, "echo '{{\"n\": '$(ls -A $ORC_SCRATCH | wc -l)'}}'")
        second = await executor.run(batch_of(count), StopSwitch())
    assert (Path(job.output_folder) / "3" / "1.1.scratch" / "dump").exists() is kept
    assert only(second).metrics == {"n": 0.0}


async def test_a_batch_runs_one_command_at_an_instant_in_order(tmp_path: Path) -> None:
    """The second starts after the first has ended."""
    job = job_of(tmp_path, ["sh", "-c", "echo in >> order; echo out >> order"])
    async with isolated(tmp_path) as executor:
        batch = batch_of(job, *(evaluation_of(iteration=number) for number in range(1, 6)))
        result = await executor.run(batch, StopSwitch())
    assert list(result.outcomes) == [0, 1, 2, 3, 4]
    assert (tmp_path / "work" / "order").read_text(encoding="utf-8").split() == ["in", "out"] * 5


async def test_used_processor_time_is_counted_with_that_of_the_processes_left_behind(tmp_path: Path) -> None:
    """A daemon that a command leaves is part of it, also in what it used."""
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    outcome = await run_one(tmp_path, ["sh", "-c", f"(setsid python3 -c '{burn}' &) ; python3 -c '{burn}'"])
    assert outcome.usage.cpu_seconds is not None
    assert math.isfinite(outcome.usage.cpu_seconds)
    assert outcome.usage.cpu_seconds > 0.3
