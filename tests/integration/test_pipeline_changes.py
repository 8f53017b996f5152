"""The reader of changes on real git repositories, and the command line on top of it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.workloads.pipeline import ChangedFile, Status, change_of
from orchestrator.workloads.pipeline.command_line import main
from orchestrator.workloads.pipeline.failures import NotACheckout

AUTHOR = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
TEN_LINES = "".join(f"line {number}\n" for number in range(10))

Git = Callable[..., str]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit: code, prose, and names that need care."""
    root = tmp_path / "repo with space"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    for name in ("src/a.py", "src/b.py", "docs/Über uns.md", "docs/tab\there.md"):
        write(root / name, TEN_LINES)
    commit(root, "feat: begin")
    return root


def git(root: Path, *words: str) -> str:
    environment = os.environ | AUTHOR | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(["git", "-C", root, *words], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def commit(root: Path, message: str) -> str:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(root, "rev-parse", "HEAD")


def facts(files: tuple[ChangedFile, ...]) -> dict[str, tuple[Status, int, int]]:
    return {file.path: (file.status, file.added_lines, file.removed_lines) for file in files}


def test_a_clean_checkout_has_no_change(repository: Path) -> None:
    """Without anything uncommitted there is no file and no message."""
    change = change_of(repository)

    assert (change.files, change.messages) == ((), ())


def test_staged_unstaged_and_untracked_are_told_apart(repository: Path) -> None:
    """Each part has its own files, and all parts together have all of them, with their lines."""
    write(repository / "src" / "a.py", TEN_LINES + "staged\n")
    git(repository, "add", "src/a.py")
    write(repository / "src" / "b.py", "unstaged\n" + TEN_LINES)
    write(repository / "new file ü.txt", "one\ntwo")
    staged, unstaged, untracked = (
        facts(change_of(repository, parts=[part]).files) for part in ("staged", "unstaged", "untracked")
    )

    assert staged == {"src/a.py": (Status.MODIFIED, 1, 0)}
    assert unstaged == {"src/b.py": (Status.MODIFIED, 1, 0)}
    assert untracked == {"new file ü.txt": (Status.ADDED, 2, 0)}
    assert facts(change_of(repository).files) == staged | unstaged | untracked


def test_a_file_that_is_staged_and_changed_again_counts_once(repository: Path) -> None:
    """Its lines are those against the last commit."""
    write(repository / "src" / "a.py", TEN_LINES + "one\n")
    git(repository, "add", "src/a.py")
    write(repository / "src" / "a.py", TEN_LINES + "one\ntwo\n")

    assert facts(change_of(repository).files) == {"src/a.py": (Status.MODIFIED, 2, 0)}


def test_deleted_files_are_seen_whether_staged_or_not(repository: Path) -> None:
    """A file removed from the index and one only removed from the folder are both deleted."""
    git(repository, "rm", "--quiet", "src/a.py")
    (repository / "src" / "b.py").unlink()

    assert facts(change_of(repository).files) == {
        "src/a.py": (Status.DELETED, 0, 10),
        "src/b.py": (Status.DELETED, 0, 10),
    }


def test_a_renamed_file_has_both_ends(repository: Path) -> None:
    """Code that becomes prose is one file with two paths, and its changed lines."""
    git(repository, "mv", "src/a.py", "docs/a is prose.md")
    write(repository / "docs" / "a is prose.md", TEN_LINES + "more\n")
    (file,) = change_of(repository).files

    assert (file.status, file.ends, file.added_lines) == (Status.RENAMED, ("src/a.py", "docs/a is prose.md"), 1)


@pytest.mark.parametrize("name", ["Über uns.md", "tab\there.md", "new\nline.md", ' "quoted".md', "日本.md"])
def test_names_are_what_they_are(repository: Path, name: str) -> None:
    """Spaces, tabs, line breaks, quotes and letters of any alphabet come back unchanged, tracked and untracked."""
    write(repository / "more" / name, "x\n")
    untracked = change_of(repository, parts=["untracked"]).files
    git(repository, "add", "--all")
    staged = change_of(repository, parts=["staged"]).files

    assert [file.path for file in untracked] == [file.path for file in staged] == [f"more/{name}"]


def test_a_name_that_is_no_text_can_be_told(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bytes that are no UTF-8 neither stop the reader nor the command line."""
    write(Path(os.fsdecode(os.fsencode(repository) + b"/auth/caf\xe9.py")), "x\n")

    assert main(["detect", "--checkout", str(repository), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["lane"], document["sizes"]["code"]) == ("heavy", 1)


def test_a_binary_file_has_no_lines(repository: Path) -> None:
    """Tracked or not, it is marked as binary and adds no line."""
    write(repository / "a.bin", b"\0\1\n\n\n")
    (untracked,) = change_of(repository).files
    git(repository, "add", "--all")
    (staged,) = change_of(repository).files

    assert untracked == staged
    assert (staged.binary, staged.added_lines) == (True, 0)


def test_a_branch_is_compared_with_where_it_began(repository: Path) -> None:
    """What the base got meanwhile is not part of the change, and the messages are those of the branch."""
    git(repository, "checkout", "--quiet", "-b", "branch")
    write(repository / "src" / "c.py", "x\n")
    commit(repository, "fix!: other names\n\nwith a body")
    head = commit(repository, "docs: nothing")
    git(repository, "checkout", "--quiet", "main")
    write(repository / "src" / "d.py", "x\n")
    commit(repository, "feat: meanwhile")
    change = change_of(repository, base="main", head=head)

    assert facts(change.files) == {"src/c.py": (Status.ADDED, 1, 0)}
    assert change.messages == ("docs: nothing", "fix!: other names\n\nwith a body")
    assert change.is_breaking


def test_before_the_first_commit_everything_staged_is_new(tmp_path: Path) -> None:
    """A repository without a commit is read too."""
    git(tmp_path, "init", "--quiet")
    write(tmp_path / "a.py", "x\n")
    git(tmp_path, "add", "--all")

    assert facts(change_of(tmp_path).files) == {"a.py": (Status.ADDED, 1, 0)}


def test_a_folder_in_the_checkout_stands_for_all_of_it(repository: Path) -> None:
    """Paths are from the root, and files outside the folder are seen, wherever in the checkout one is."""
    write(repository / "src" / "a.py", "")
    write(repository / "new.py", "x\n")

    assert facts(change_of(repository / "docs").files).keys() == {"src/a.py", "new.py"}


def test_settings_of_the_user_change_nothing(repository: Path) -> None:
    """Renames are found, paths are from the root and untracked files are seen, whatever git is configured to do."""
    for setting in ("diff.renames=false", "diff.relative=true", "status.showUntrackedFiles=no", "diff.noprefix=true"):
        git(repository, "config", *setting.split("="))
    git(repository, "mv", "src/a.py", "src/z.py")
    write(repository / "new.py", "x\n")

    assert {file.path: file.status for file in change_of(repository / "docs").files} == {
        "src/z.py": Status.RENAMED,
        "new.py": Status.ADDED,
    }


@pytest.mark.parametrize("revision", ["nowhere", "--output=stolen", ""])
def test_a_revision_that_is_none_is_refused(repository: Path, revision: str) -> None:
    """An unknown revision, an option in its place and nothing at all raise, and leave no file behind."""
    with pytest.raises(NotACheckout, match=r"commit|revision"):
        change_of(repository, base="main", head=revision) if revision else change_of(repository, base="-")
    assert not (repository / "stolen").exists()


def test_no_git_is_an_error(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where git is not on the PATH it is named."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NotACheckout, match="git is not installed"):
        change_of(repository)


def test_detect_says_lane_rules_and_sizes(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For a person it prints the lane, what it runs, each rule with its evidence, and the sizes."""
    write(repository / "src" / "auth" / "login.py", "x\n")

    assert main(["detect", "--checkout", str(repository), "--worktree"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "lane        heavy (confidence 0.90)",
        "runs        lint, types, tests, integration, security; 60 s a stage, 1200 s in all",
        "because     security_path  1 path: src/auth/login.py",
        "            changes_code   1 file of code",
        "sizes       1 file: 1 code, 0 tests, 0 config, 0 docs, 0 unknown; 1 changed line",
    ]


def test_detect_in_json_has_the_same_and_more(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For a program it is one object, with what the lane wants."""
    write(repository / "docs" / "new.md", "x\n")
    git(repository, "add", "--all")

    assert main(["detect", "--checkout", str(repository), "--staged", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["lane"], [each["rule"] for each in document["fired"]]) == ("docs", ["only_docs"])
    assert (document["strategy"], document["workers"], document["stages"]) == ("thread", 2, ["lint"])
    assert (document["sla_seconds"], document["limit_seconds"]) == (10.0, 300.0)


def test_detect_between_commits_uses_the_messages(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--base and --head are read as revisions, and --head is HEAD unless it is given."""
    write(repository / "src" / "a.py", "x\n")
    commit(repository, "feat!: shorter")

    assert main(["detect", "--checkout", str(repository), "--base", "HEAD~1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [each["rule"] for each in document["fired"]] == ["breaking", "changes_code"]
    assert document["commit_types"] == ["feat"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--staged", "--worktree"], "choose one"),
        (["--staged", "--base", "main"], "choose one"),
        (["--head", "main"], "--head needs --base"),
        (["--base", "nowhere"], 'no commit "nowhere"'),
        (["--checkout", "/"], "not a git repository"),
        (["--lanes", "gone.toml"], "cannot be read"),
    ],
)
def test_wrong_usage_ends_with_2(
    repository: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be answered is one error on stderr, nothing on stdout, and exit status 2."""
    assert main(["detect", "--checkout", str(repository), *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert message in captured.err


def test_help_has_an_example_and_the_exit_status() -> None:
    """`--help` of the module shows how to call it; an unknown verb ends with 2."""
    module = [sys.executable, "-m", "orchestrator.workloads.pipeline"]
    root = Path(__file__).parents[2]
    help_text, wrong = (
        subprocess.run([*module, word], cwd=root, capture_output=True, text=True, check=False)
        for word in ("--help", "guess")
    )

    assert help_text.returncode == 0
    assert "python -m orchestrator.workloads.pipeline detect --staged" in help_text.stdout
    assert "exit status" in help_text.stdout
    assert wrong.returncode == 2
