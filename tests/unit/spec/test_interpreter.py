"""The interpreter a stage names."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchestrator.spec.code import Surroundings, missing_code
from orchestrator.spec.interpreter import Interpreter, find_program, unfit
from orchestrator.spec.stage import StageSpec


@dataclass
class Told:
    """Answers for an interpreter, and notes what it was asked."""

    answer: Interpreter | str
    asked: list[tuple[str, str]] = field(default_factory=list)

    def __call__(
        self, program: str, *, module: str, workdir: Path, environment: Mapping[str, str]
    ) -> Interpreter | str:
        self.asked.append((program, module))
        return self.answer


def cpython(*version: int, finds: bool = True, search_path: tuple[str, ...] = ()) -> Interpreter:
    return Interpreter(name="cpython", version=version, search_path=search_path, finds=finds)


def missing(folder: Path, answer: Interpreter | str, *, call: str = "model:evaluate") -> tuple[str, str] | None:
    """What is missing of a stage in a folder with an interpreter called `python` and a model."""
    (folder / "python").write_text("", encoding="utf-8")
    (folder / "python").chmod(0o700)
    (folder / "model.py").write_text("def evaluate(params): return 1\n", encoding="utf-8")
    stage = StageSpec.model_validate({"call": call, "python": "./python"})
    return missing_code(stage, workdir=folder, surroundings=Surroundings(ask=Told(answer)))


def test_cpython_from_3_9_on_fits() -> None:
    """An older one, and one that is no CPython, are told by their names."""
    assert unfit(cpython(3, 9, 0), program="p") is None
    assert unfit(cpython(4, 0, 0), program="p") is None
    assert unfit(cpython(3, 8, 18), program="p") == "p is Python 3.8.18; 3.9 or newer is needed"
    pypy = Interpreter(name="pypy", version=(3, 10, 1), search_path=(), finds=True)
    assert unfit(pypy, program="p") == "p is pypy 3.10.1; CPython 3.9 or newer is needed"


def test_a_program_is_a_path_or_a_name(tmp_path: Path) -> None:
    """A path is seen from the workdir; a name is looked for on the PATH, and what lies in the workdir is hinted at."""
    file = tmp_path / "tool"
    file.write_text("", encoding="utf-8")
    environment = {"PATH": str(tmp_path)}
    elsewhere = {"PATH": "/nowhere"}
    assert find_program("./tool", workdir=tmp_path, environment={})[1] == f"{file} is not executable; try chmod +x"
    file.chmod(0o700)
    assert find_program("./tool", workdir=tmp_path, environment={}) == (str(file), None)
    assert find_program("tool", workdir=tmp_path, environment=environment) == (str(file), None)
    assert 'write "./tool"' in str(find_program("tool", workdir=tmp_path, environment=elsewhere)[1])
    assert find_program("./none", workdir=tmp_path, environment={})[1] == f"there is no program {tmp_path / 'none'}"
    assert find_program("../x/", workdir=tmp_path, environment={})[1] is not None


def test_the_workdir_is_searched_with_the_other_interpreter_s_path(tmp_path: Path) -> None:
    """What both know is checked down to the function; the daemon's own path plays no part."""
    assert missing(tmp_path, cpython(3, 9, 1)) is None
    assert missing(tmp_path, cpython(3, 9, 1), call="model:evalute") is not None
    found = missing(tmp_path, cpython(3, 9, 1, finds=False), call="pydantic:BaseModel")
    assert found is not None
    assert found[0] == "call"
    assert 'there is no module "pydantic"' in found[1]


def test_what_only_the_other_interpreter_finds_is_believed(tmp_path: Path) -> None:
    """An import hook of its own may know modules that lie in no folder; a newer one may read what cannot be read here."""
    assert missing(tmp_path, cpython(3, 9, 1), call="hooked:evaluate") is None
    newer = (sys.version_info[0], sys.version_info[1] + 1, 0)
    (tmp_path / "model.py").write_text("x", encoding="utf-8")
    assert missing(tmp_path, cpython(*newer), call="model:evalute") is None


@pytest.mark.parametrize("answer", ["it is a toaster", cpython(2, 7, 18)])
def test_what_cannot_run_it_is_a_problem_of_python(tmp_path: Path, answer: Interpreter | str) -> None:
    """The place is the key `python`, whatever is wrong with it."""
    found = missing(tmp_path, answer)
    assert found is not None
    assert found[0] == "python"
