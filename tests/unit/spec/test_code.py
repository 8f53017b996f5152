"""Code is found without being imported."""

import inspect
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import InvalidSpec, Problem
from orchestrator.spec.code import Surroundings, find_code
from orchestrator.spec.executors import installed_executors
from orchestrator.spec.reading import read_experiment, read_with_code
from orchestrator.spec.stage import BUNDLED_EXECUTORS

MODEL = """
raise SystemExit("importing this would end the test")
import functools
from elsewhere import borrowed as lent
def evaluate(params): ...
async def evaluate_later(params): ...
class Model:
    def method(self, params): ...
partial = functools.partial(evaluate)
if lent:
    def conditional(params): ...
for looped in []: pass
pattern = '\\d'
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a module, packages, programs and an archive."""
    (tmp_path / "model.py").write_text(MODEL, encoding="utf-8")
    (tmp_path / "broken.py").write_text("def evaluate(:\n", encoding="utf-8")
    (tmp_path / "starred.py").write_text("from model import *\n", encoding="utf-8")
    (tmp_path / "pack" / "deep").mkdir(parents=True)
    (tmp_path / "pack" / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "pack" / "deep" / "__init__.py").write_text("def inner(params): ...\n", encoding="utf-8")
    (tmp_path / "spread").mkdir()
    (tmp_path / "spread" / "part.py").write_text("def evaluate(params): ...\n", encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "lib.zip", "w") as archive:
        archive.writestr("zipped.py", "def evaluate(params): ...\n")
    (tmp_path / "tool").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "tool").chmod(0o755)
    (tmp_path / "plain.txt").write_text("", encoding="utf-8")
    return tmp_path


def missing(folder: Path, stage: dict[str, Any]) -> list[Problem]:
    """What of a stage's code is not there."""
    spec = read_experiment({"stage": stage, "space": {"x": [1]}}, folder=folder).spec
    search_path = [str(folder / "lib.zip"), str(folder / "nowhere"), *sys.path]
    return find_code(spec, folder=folder, search_path=search_path, environment={"PATH": "/usr/bin:/bin"})


@pytest.mark.parametrize(
    "call",
    [
        "model:evaluate",
        "model:evaluate_later",
        "model:partial",
        "model:lent",
        "model:conditional",
        "model:looped",
        "starred:anything",
        "pack.deep:inner",
        "spread.part:evaluate",
        "zipped:evaluate",
        "math:sqrt",
        "json.decoder:scanstring",
        "_bisect:bisect",
    ],
)
def test_code_that_is_there_is_found(folder: Path, call: str) -> None:
    """Functions, names bound otherwise, packages, namespaces, archives, compiled and built-in modules are accepted."""
    assert missing(folder, {"call": call}) == []


@pytest.mark.parametrize(
    ("call", "part"),
    [
        ("modle:evaluate", 'there is no module "modle" in {folder} or on the Python path; did you mean "model"?'),
        ("model.sub:evaluate", '"model" is a module, not a package'),
        ("pack.depe:inner", 'there is no module "pack.depe" in {folder} or on the Python path; did you mean "deep"?'),
        ("model:evalute", 'module "model" ({folder}/model.py) has no function "evalute"; did you mean "evaluate"?'),
        ("model:method", '"method" is inside a class or a function of {folder}/model.py'),
        ("broken:evaluate", "{folder}/broken.py cannot be imported: invalid syntax in line 1"),
    ],
)
def test_code_that_is_not_there_is_a_problem_with_a_suggestion(folder: Path, call: str, part: str) -> None:
    """A missing module or function is named at the stage's call, with the nearest name that is there."""
    (problem,) = missing(folder, {"name": "first", "call": call})

    assert problem.where == "stage.first.call"
    assert part.format(folder=folder) in problem.message


@pytest.mark.parametrize(
    ("definition", "fits"),
    [
        ("def f(params): ...", True),
        ("def f(params, trial): ...", True),
        ("def f(params, *, trial): ...", True),
        ("def f(params, /, trial=None): ...", True),
        ("def f(params, folds=5, **more): ...", True),
        ("def f(*anything): ...", True),
        ("async def f(params, trial): ...", True),
        ("import functools\n@functools.cache\ndef f(): ...", True),
        ("def f(): ...\ntry:\n    from quick import f\nexcept ImportError:\n    pass", True),
        ("def f(): ...", False),
        ("def f(trial): ...", False),
        ("def f(trial, params): ...", False),
        ("def f(x, y): ...", False),
        ("def f(params, trial, /): ...", False),
        ("def f(*, params): ...", False),
        ("def f(params, *, folds): ...", False),
        ("def f(**parameters): ...", False),
        ("async def f(x, y): ...", False),
    ],
)
def test_a_function_that_cannot_be_called_is_told_before_it_is(tmp_path: Path, definition: str, fits: bool) -> None:
    """Whether it takes the parameters, and besides them nothing that it must have but `trial`, as Python itself would judge."""
    (tmp_path / "model.py").write_text(f"{definition}\n")
    problems = missing(tmp_path, {"call": "model:f"})
    assert (
        [problem.message for problem in problems] == []
        if fits
        else [f'"f" in {tmp_path}/model.py takes other arguments; write def f(params) or def f(params, trial)']
    )
    if "import" not in definition:
        assert fits == accepts(definition)


def accepts(definition: str) -> bool:
    """Whether the worker's way to call it works."""
    found: dict[str, Any] = {}
    exec(definition, found)
    signature = inspect.signature(found["f"])
    named = {each.name for each in signature.parameters.values() if each.kind is not inspect.Parameter.POSITIONAL_ONLY}
    try:
        signature.bind({}, **({"trial": None} if "trial" in named else {}))
    except TypeError:
        return False
    return True


@pytest.mark.parametrize(
    ("command", "part"),
    [
        (["sh", "-c", "true"], None),
        (["./tool"], None),
        (["{x}"], None),
        ("no-such-program && true", None),
        (["no-such-program"], 'there is no program "no-such-program" on the PATH'),
        (["tool"], 'there is no program "tool" on the PATH; to run the one in the workdir write "./tool"'),
        (["./tol"], "there is no program {folder}/tol"),
        (["./plain.txt"], "{folder}/plain.txt is not executable; try chmod +x"),
        (["./pack"], "{folder}/pack is not a file"),
    ],
)
def test_the_first_word_of_a_command_is_looked_for(folder: Path, command: str | list[str], part: str | None) -> None:
    """A program of a list must be on the PATH or, with a slash, in the workdir; a shell's text is not checked."""
    problems = missing(folder, {"command": command})

    if part is None:
        assert problems == []
    else:
        assert [problem.where for problem in problems] == ["stage.main.command"]
        assert part.format(folder=folder) in problems[0].message


def test_the_path_of_the_stage_comes_first(folder: Path) -> None:
    """A PATH in the stage's env is the one that is searched."""
    assert missing(folder, {"command": ["tool"], "env": {"PATH": str(folder)}}) == []


def test_missing_code_is_told_with_all_other_problems(folder: Path) -> None:
    """One answer names what is wrong with the file, the module that is not there and the program that is not there."""
    content = {
        "sed": 1,
        "stage": [
            {"name": "a", "call": "modle:evaluate", "timeout": "soon"},
            {"name": "b", "command": ["no-such-program"], "workdir": "nowhere"},
            {"name": "c", "command": ["no-such-program"]},
            {"name": "d", "call": "model"},
        ],
    }

    with pytest.raises(InvalidSpec) as caught:
        read_with_code(content, folder=folder, source="e.toml", overrides=["stage.e.x=1"], surroundings=Surroundings())

    assert sorted(problem.where for problem in caught.value.problems) == [
        "sed",
        "stage.a.call",
        "stage.a.timeout",
        "stage.b.workdir",
        "stage.c.command",
        "stage.d.call",
        "stage.e.x",
    ]


def test_a_right_file_with_its_code_is_read(folder: Path) -> None:
    """With the code in place the answer is that of reading alone."""
    content = {"stage": {"call": "model:evaluate"}}
    surroundings = Surroundings()

    read = read_with_code(content, folder=folder, source="e.toml", overrides=[], surroundings=surroundings)

    assert read == read_experiment(content, folder=folder)


def test_the_bundled_executors_are_installed() -> None:
    """The bundled names come first, whatever packages registered."""
    assert installed_executors()[: len(BUNDLED_EXECUTORS)] == BUNDLED_EXECUTORS
