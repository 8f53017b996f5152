"""Claims about the detector: which lane each of many changes goes to, and which rules say so."""

import pytest

from orchestrator.workloads.pipeline import Change, ChangedFile, Status, detect, load_lanes
from orchestrator.workloads.pipeline.detection import category_of
from orchestrator.workloads.pipeline.globs import first_match, matches

RULES = load_lanes().detection


def modified(*paths: str, lines: int = 10) -> tuple[ChangedFile, ...]:
    return tuple(ChangedFile(path=path, status=Status.MODIFIED, added_lines=lines) for path in paths)


def added(path: str, *, lines: int = 10, binary: bool = False) -> ChangedFile:
    return ChangedFile(path=path, status=Status.ADDED, added_lines=lines, binary=binary)


def deleted(path: str) -> ChangedFile:
    return ChangedFile(path=path, status=Status.DELETED, removed_lines=10)


def renamed(old_path: str, path: str) -> ChangedFile:
    return ChangedFile(path=path, old_path=old_path, status=Status.RENAMED)


def code(count: int) -> tuple[ChangedFile, ...]:
    return modified(*(f"src/m{number}.py" for number in range(count)))


def claims(count: int) -> tuple[ChangedFile, ...]:
    return modified(*(f"tests/test_m{number}.py" for number in range(count)))


def prose(count: int) -> tuple[ChangedFile, ...]:
    return modified(*(f"docs/page{number}.md" for number in range(count)))


Case = tuple[str, tuple[ChangedFile, ...], tuple[str, ...], str, set[str]]
CASES: list[Case] = [
    ("nothing", (), (), "standard", {"nothing_changed"}),
    ("a README", modified("README.md"), (), "docs", {"only_docs"}),
    ("fifty pages", prose(50), ("docs: everything",), "docs", {"only_docs"}),
    ("a deleted page", (deleted("docs/old.md"),), (), "docs", {"only_docs"}),
    ("a renamed page", (renamed("docs/a.md", "docs/b.md"),), (), "docs", {"only_docs"}),
    ("a picture in the docs", (added("docs/a.png", binary=True),), (), "docs", {"only_docs"}),
    ("a policy about security", modified("SECURITY.md"), (), "docs", {"only_docs"}),
    ("prose and a line of code", prose(9) + code(1), (), "standard", {"changes_code"}),
    ("five files of code", code(5), ("fix: rounding",), "standard", {"changes_code"}),
    ("six files of code", code(6), (), "heavy", {"many_code_files", "changes_code"}),
    ("three files of tests", claims(3), (), "standard", {"changes_tests"}),
    ("four files of tests", claims(4), (), "heavy", {"many_test_files", "changes_tests"}),
    ("tests are not code", code(3) + claims(3), (), "standard", {"changes_code", "changes_tests"}),
    ("500 lines", modified("src/a.py", lines=500), (), "standard", {"changes_code"}),
    ("501 lines", modified("src/a.py", lines=501), (), "heavy", {"many_changed_lines", "changes_code"}),
    (
        "lines removed count too",
        (ChangedFile(path="src/a.py", status=Status.MODIFIED, added_lines=251, removed_lines=250),),
        (),
        "heavy",
        {"many_changed_lines", "changes_code"},
    ),
    ("requirements are config", modified("requirements.txt"), (), "standard", {"changes_config"}),
    ("a lock file is config", modified("poetry.lock"), (), "standard", {"changes_config"}),
    ("a container is config", modified("Dockerfile"), (), "standard", {"changes_config"}),
    ("CI is config", modified(".github/workflows/ci.yml"), (), "standard", {"changes_config"}),
    ("an unknown kind", (added("data/blob.xyz", binary=True),), (), "standard", {"unknown_kind"}),
    ("prose and an unknown kind", (*prose(2), added("a.weights")), (), "standard", {"unknown_kind"}),
    ("deleted code", (deleted("src/a.py"),), (), "standard", {"deletes_code", "changes_code"}),
    ("code that became prose", (renamed("src/a.py", "docs/a.md"),), (), "standard", {"deletes_code", "changes_code"}),
    ("code that moved", (renamed("src/a.py", "src/b.py"),), (), "standard", {"changes_code"}),
    ("a path of security", modified("src/auth/login.py"), (), "heavy", {"security_path", "changes_code"}),
    (
        "code moved out of security",
        (renamed("a/crypto/x.py", "a/y.py"),),
        (),
        "heavy",
        {"security_path", "changes_code"},
    ),
    ("a key", (added("deploy/site.pem"),), (), "heavy", {"security_path", "unknown_kind"}),
    ("a word of security", code(1), ("fix: close CVE-2026-1234",), "heavy", {"security_word", "changes_code"}),
    ("a type of security", code(1), ("sec: tokens",), "heavy", {"security_type", "changes_code"}),
    ("breaking by mark", code(1), ("feat(api)!: other names",), "heavy", {"breaking", "changes_code"}),
    ("breaking by footer", code(1), ("feat: x\n\nBREAKING CHANGE: y",), "heavy", {"breaking", "changes_code"}),
    ("breaking prose", prose(1), ("docs!: moved",), "heavy", {"breaking"}),
    ("a word in another word", code(1), ("fix: insecurity of tests",), "standard", {"changes_code"}),
    (
        "infrastructure and six files of code",
        (*code(6), *modified("Dockerfile")),
        (),
        "heavy",
        {"many_code_files", "infrastructure_and_code", "changes_code", "changes_config"},
    ),
    (
        "infrastructure and five files of code",
        (*code(5), *modified("Dockerfile")),
        (),
        "standard",
        {"changes_code", "changes_config"},
    ),
    ("a table named like a test", modified("data/contest.csv"), (), "standard", {"unknown_kind"}),
    ("code in the docs", modified("docs/conf.py"), (), "standard", {"changes_code"}),
    ("upper case", modified("README.MD"), (), "docs", {"only_docs"}),
    ("spaces and letters", modified("docs/Über uns.md", "src/naïve file.py"), (), "standard", {"changes_code"}),
]


@pytest.mark.parametrize(("name", "files", "messages", "lane", "fired"), CASES, ids=[case[0] for case in CASES])
def test_a_change_goes_to_its_lane(
    name: str, files: tuple[ChangedFile, ...], messages: tuple[str, ...], lane: str, fired: set[str]
) -> None:
    """The lane is the one of the table, and exactly the rules of the table have fired."""
    detection = detect(Change(files=files, messages=messages), RULES)

    assert (name, detection.lane) == (name, lane)
    assert {each.rule for each in detection.fired} == fired
    assert 0.5 <= detection.confidence <= 1.0


def test_the_sizes_count_both_ends_of_a_renamed_file() -> None:
    """A file that moved between kinds counts once as each of them, one that stayed of its kind once in all."""
    files = (renamed("src/a.py", "docs/a.md"), renamed("src/b.py", "src/c.py"), added("x.png", binary=True))
    sizes = detect(Change(files=files), RULES).sizes

    assert (sizes.files, sizes.code, sizes.docs, sizes.binary_files) == (3, 2, 2, 1)


def test_confidence_shrinks_towards_the_limit() -> None:
    """A change just below or just above a limit is less certain than one far from it."""
    below, at_the_limit, above, far = (
        detect(Change(files=modified("src/a.py", lines=lines)), RULES).confidence for lines in (5, 500, 501, 1500)
    )

    assert below > at_the_limit == 0.5
    assert far == 1.0 > above >= 0.5


def test_several_rules_are_surer_than_the_surest() -> None:
    """Two heavy rules that say 0.7 and 0.9 give more than 0.9."""
    files = modified("src/auth/a.py")

    assert detect(Change(files=files, messages=("fix: injection",)), RULES).confidence == pytest.approx(0.97)


def test_the_evidence_names_numbers_and_places() -> None:
    """A rule that fired says how many there are, what is allowed, or where."""
    detection = detect(Change(files=(*code(6), *modified("src/auth/a.py"))), RULES)

    assert [fired.evidence for fired in detection.fired] == [
        "1 path: src/auth/a.py",
        "7 files of code, more than 5",
        "7 files of code",
    ]


@pytest.mark.parametrize(
    ("path", "category"),
    [
        ("tests/data/a.json", "tests"),
        ("src/pkg/test_a.py", "tests"),
        ("src/a.test.ts", "tests"),
        ("pyproject.toml", "config"),
        ("requirements/lock.txt", "config"),
        ("docs/requirements.txt", "config"),
        ("a/b.rs", "code"),
        ("notes.txt", "docs"),
        ("LICENSE", "docs"),
        ("a.parquet", "unknown"),
    ],
)
def test_the_first_category_that_matches_counts(path: str, category: str) -> None:
    """Tests come before code and config, requirements before prose."""
    assert category_of(path, RULES) == category


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("*.py", "a/b/c.py", True),
        ("*.py", "a.pyx", False),
        ("docs/**", "docs/a/b.md", True),
        ("docs/**", "a/docs/b.md", False),
        ("**/auth/**", "auth/a.py", True),
        ("**/auth/**", "x/y/auth/a.py", True),
        ("**/auth/**", "x/author/a.py", False),
        ("a/*.c", "a/b/c.c", False),
        ("?.md", "x/a.MD", True),
        ("a.b", "aXb", False),
    ],
)
def test_globs_mean_what_they_say(glob: str, path: str, expected: bool) -> None:
    """One star stays in a folder, two cross them, and a glob without a slash is about the name."""
    assert matches(path, glob=glob) is expected
    assert first_match(path, globs=[glob]) == (glob if expected else None)


def test_commit_types_are_those_of_conventional_commits() -> None:
    """A type with a scope or a mark is found, a sentence with a colon later is none."""
    change = Change(messages=("feat(api)!: a", "Fix: b", "Say it: once", "no type at all"))

    assert change.commit_types == {"feat", "fix"}
    assert change.is_breaking
