"""Every end of a call has a form and an exit status."""

import json
import re
import shlex
from pathlib import Path

import pytest

from orchestrator.cli.failures import EXIT_BY_CODE, UNEXPECTED, error_lines, exit_status
from orchestrator.cli.main import orc, run
from orchestrator.cli.setup import Setup
from orchestrator.cli.verbs import MEANT, VERBS
from orchestrator.client.problems import as_document, error_of
from orchestrator.errors import InvalidSpec, NotFound, OrchestratorError, Problem
from tests.support.scripted import ok, scripted_peer


def test_every_file_of_a_verb_is_in_the_table_and_the_other_way_round() -> None:
    """What is not in the table could not be called."""
    folder = Path(__file__).parents[3] / "orchestrator" / "cli" / "commands"
    assert {file.stem.replace("_", "-") for file in folder.glob("[!_]*.py")} == VERBS.keys()


@pytest.mark.parametrize("name", sorted(VERBS.keys() - {"daemon"}))
def test_every_verb_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`-h` shows a sentence, the global options and an example that begins with the verb."""
    assert run([name, "-h"]) == 0
    shown = capsys.readouterr().out
    assert "--state-dir" in shown
    assert f"orc {name}" in shown.split("Examples:")[1]


EXAMPLE = re.compile(r"orc ([a-z-]+)((?: (?!\||>|&&)(?:'[^']*'|\"[^\"]*\"|[^ )])+)*)")


@pytest.mark.parametrize("name", sorted(VERBS.keys() - {"daemon"}))
def test_every_example_is_a_call_that_is_understood(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its verb, its options and its arguments are there: what `--help` shows can be typed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiment.toml").touch()
    (tmp_path / "tuning").mkdir()
    context = orc.make_context("orc", ["ls"], obj=Setup())
    shown = (orc.get_command(context, name) or orc).get_help(context).split("Examples:")[1]
    calls = [(found[1], shlex.split(found[2])) for found in EXAMPLE.finditer(shown)]
    assert calls
    for verb, arguments in calls:
        command = orc.get_command(context, verb)
        assert command is not None, verb
        command.make_context(verb, arguments, parent=context)


def test_the_help_of_all_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """With its short help, by purpose."""
    assert run(["-h"]) == 0
    shown = capsys.readouterr().out
    assert [name for name, text in VERBS.items() if f"  {name}" not in shown or text not in shown] == []


@pytest.mark.parametrize("arguments", [["--json", "ls", "--no-start"], ["ls", "--no-start", "--json"]])
def test_global_options_stand_before_and_after_the_verb(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The answer is the same: an error object on stdout, nothing on stderr, status 4."""
    assert run(arguments) == 4
    captured = capsys.readouterr()
    assert json.loads(captured.out)["error"]["code"] == "no_daemon"
    assert captured.err == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["lss"],
        ["ls", "--nonsense"],
        ["show"],
        ["wait", "1", "--timeout", "soon"],
        ["wait", "1", "--timeout", "inf"],
        ["lock", "run", "--timeout", "nan", "a", "true"],
        ["--state-dir", "", "ls"],
        ["ls", "--state-dir", ""],
        ["ls", "--socket", ""],
        ["ls", "--config", ""],
        ["submit", ""],
        ["init", "--folder", ""],
        ["export", "1", "-o", ""],
        ["report-metric", "--ref", "1.1.1"],
        ["report-metric", "--ref", "1.1.1", "loss=1"],
        ["report-metric", "--ref", "1.1.1", "--step", "1", "loss=1", "loss=2"],
    ],
)
def test_a_mistake_in_the_command_line_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """For a program in the shape of all errors, for a person with where to look."""
    assert run([*arguments, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "invalid_request"
    assert run(arguments) == 2
    assert "--help" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["completion"],
            "error: Missing argument 'SHELL'. Choose from: bash, zsh, fish\nhint: see orc completion --help\n",
        ),
        (["wait", "1", "--timeout"], "error: Option '--timeout' requires an argument.\nhint: see orc wait --help\n"),
        (["--state-dir"], "error: Option '--state-dir' requires an argument.\nhint: see orc --help\n"),
        (["lock", "run"], "error: Missing argument 'NAME'.\nhint: see orc lock run --help\n"),
    ],
)
def test_what_is_missing_is_one_line_and_a_hint(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The hint names the verb that lacks something, whatever it is."""
    assert run(arguments) == 2
    assert capsys.readouterr().err == told


def test_an_empty_path_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A script with a variable that is not set must not reach another daemon."""
    assert run(["ls", "--state-dir", ""]) == 2
    assert capsys.readouterr().err == (
        "error: Invalid value for '--state-dir': the path is empty.\nhint: see orc ls --help\n"
    )


def test_an_empty_ref_is_not_the_one_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is told of the evaluation that this runs in when another one was meant."""
    monkeypatch.setenv("ORC_REF", "1.1.1")
    assert run(["report-metric", "--ref", "", "--usd", "1"]) == 2
    assert "This is not a reference" in capsys.readouterr().err


def test_a_wrong_verb_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest one, or what others call it; no verb is hidden by that."""
    for typed, meant in (("exprot", "export"), ("ps", "ls"), ("kill", "cancel"), ("help", "--help")):
        assert run([typed]) == 2
        assert (
            capsys.readouterr().err
            == f"error: No such command '{typed}'. Did you mean '{meant}'?\nhint: see orc --help\n"
        )
    assert not MEANT.keys() & VERBS.keys()
    assert set(MEANT.values()) <= {*VERBS, "--help", "--version"}


def test_an_unexpected_error_is_one_line(private_places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1; with -v the traceback too."""
    for arguments, traces in (([], 0), (["-v"], 1)):
        with scripted_peer(private_places / f"s{traces}", ok(b"{}")) as peer:
            assert run(["--socket", str(peer.path), "status", *arguments]) == 1
        shown = capsys.readouterr().err
        assert "error: KeyError" in shown
        assert shown.count("Traceback") == traces


def all_kinds(kind: type[OrchestratorError]) -> list[type[OrchestratorError]]:
    """The class and everything below it."""
    return [kind, *(each for below in kind.__subclasses__() for each in all_kinds(below))]


@pytest.mark.parametrize("kind", all_kinds(OrchestratorError))
def test_every_error_survives_the_way_to_the_client(kind: type[OrchestratorError]) -> None:
    """Code, message, hint, problems, and with them the exit status."""
    error = kind("what", hint="do", problems=[Problem("where", "why")])
    arrived = error_of(json.loads(json.dumps(as_document(error)))["error"])
    assert isinstance(error, type(arrived))
    assert (arrived.code, arrived.message, arrived.hint) == (kind.code, "what", "do")
    assert arrived.problems == (Problem("where", "why"),)
    assert exit_status(arrived) == EXIT_BY_CODE.get(kind.code, UNEXPECTED)


def test_a_code_of_a_newer_daemon_is_unexpected() -> None:
    """Its message and its code are kept."""
    error = error_of({"code": "moon_phase", "message": "not today"})
    assert (str(error), exit_status(error)) == ("not today (moon_phase)", 1)


def test_all_problems_are_shown_with_their_places() -> None:
    """Aligned, with the hint at the end."""
    error = InvalidSpec(
        "two problems", hint="orc schema", problems=[Problem("a", "first"), Problem("space.x", "second")]
    )
    assert error_lines(error, colour=False) == [
        "error: two problems",
        "  a        first",
        "  space.x  second",
        "hint: orc schema",
    ]


def test_a_problem_that_is_the_whole_message_is_said_once() -> None:
    """As the daemon words what is wrong with one field of a request, and with a file that is no TOML."""
    for message in ("metrics.a: must be finite", "metrics.a must be finite"):
        error = InvalidSpec(message, problems=[Problem("metrics.a", "must be finite")])
        assert error_lines(error, colour=False) == [f"error: {message}"]


def test_an_error_cannot_steer_the_terminal() -> None:
    """Control characters are shown, not sent."""
    assert error_lines(NotFound("\x1b[2Jgone\r"), colour=False) == ["error: \\x1b[2Jgone\\r"]


def test_quiet_silences_messages(capsys: pytest.CaptureFixture[str]) -> None:
    """Errors are no messages."""
    Setup(quiet=True).message("started")
    Setup().message("told")
    assert capsys.readouterr().err == "told\n"


def test_the_group_knows_its_verbs_without_loading_them() -> None:
    """An unknown one is None."""
    context = orc.make_context("orc", ["ls"], resilient_parsing=True)
    assert orc.get_command(context, "nonsense") is None
    assert orc.list_commands(context) == list(VERBS)
