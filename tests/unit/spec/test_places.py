"""What the code of an experiment is: the files whose content is in its hash, found by reading."""

import os
from pathlib import Path
from typing import Any

import pytest

from orchestrator.spec.imports import Import, imports_of
from orchestrator.spec.places import code_places
from orchestrator.spec.reading import read_experiment
from orchestrator.worker.code import CodeChanged, code_hash, expect

FILES = {
    "model.py": "import json, helper, numpy\nfrom pack import deep, VALUE\ndef evaluate(params):\n    import late\n",
    "helper.py": "try:\n    import second.part as renamed\nexcept ImportError: raise\n",
    "second/part.py": "from . import near\nfrom .. import beyond\n",
    "second/near.py": "",
    "late.py": "import helper\nimport model\n",
    "other.py": "",
    "pack/__init__.py": "VALUE = 1\nfrom .inner import thing\n",
    "pack/inner.py": "from . import *\n",
    "pack/deep/__init__.py": "from ...too.high import up\nfrom ..inner import thing\n",
    "pack/unused.py": "",
    "pack/data.txt": "",
    "broken.py": "def evaluate(:\n",
    "bin/solve": "#!/bin/sh\n",
    "bin/run.sh": "#!/bin/sh\n",
    "bin/train.py": "import side\n",
    "bin/side.py": "",
    "data.csv": "",
}
REACHED = {
    "model.py",
    "helper.py",
    "second/part.py",
    "second/near.py",
    "late.py",
    "pack/__init__.py",
    "pack/inner.py",
    "pack/deep/__init__.py",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of modules, packages and programs."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def hash_of(folder: Path, **stage: Any) -> str:
    """The hash of an experiment with this stage."""
    spec = read_experiment({"stage": stage, "space": {"x": [1]}}, folder=folder).spec
    return code_hash(code_places(spec, folder=folder))


def in_the_hash(folder: Path, **stage: Any) -> set[str]:
    """The files that change the hash when they change."""
    before = hash_of(folder, **stage)
    found = set()
    for name, text in FILES.items():
        (folder / name).write_text(text + "# changed\n")
        found |= {name} if hash_of(folder, **stage) != before else set()
        (folder / name).write_text(text)
    assert hash_of(folder, **stage) == before
    return found


def test_what_a_module_imports_from_its_folder_is_its_code(folder: Path) -> None:
    """Modules it imports, at once or later, themselves or through others, are in the hash; those it does not import, and data, are not."""
    assert in_the_hash(folder, call="model:evaluate") == REACHED


def test_the_package_of_the_call_is_in_the_hash_as_a_whole(folder: Path) -> None:
    """Every Python file of the package that is called is, imported or not, and nothing else."""
    package = {name for name in FILES if name.startswith("pack/") and name.endswith(".py")}
    assert in_the_hash(folder, call="pack.deep:evaluate") == package


def test_a_workdir_is_where_imports_are_looked_for(folder: Path) -> None:
    """What lies beside the file and not in the workdir is not imported."""
    assert in_the_hash(folder, call="train:evaluate", workdir="bin") == {"bin/train.py", "bin/side.py"}


def test_a_module_that_would_be_found_first_is_a_change(folder: Path) -> None:
    """What is put in the folder under the name of an import that is installed elsewhere changes the hash."""
    before = hash_of(folder, call="model:evaluate")
    (folder / "numpy.py").touch()
    assert hash_of(folder, call="model:evaluate") != before


def test_a_folder_of_the_name_of_an_import_is_no_module(folder: Path) -> None:
    """Files in a folder that is no package change nothing when only the name of the folder is imported."""
    before = hash_of(folder, call="model:evaluate")
    (folder / "numpy").mkdir()
    (folder / "numpy" / "copy.py").touch()
    assert hash_of(folder, call="model:evaluate") == before


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["./bin/solve", "data.csv"], {"bin/solve"}),
        (["{folder}/bin/solve"], {"bin/solve"}),
        (["python", "-u", "bin/train.py", "{x}"], {"bin/train.py", "bin/side.py"}),
        (["python", "-m", "second.part"], {"second/part.py", "second/near.py"}),
        (["python", "bin/{x}.py"], set()),
        (["sh", "../bin/run.sh"], set()),
        ("bin/solve && sh ./bin/run.sh>late.py", {"bin/solve", "bin/run.sh"}),
        ("sh bin/run.sh 'not closed", set()),
        (["true"], set()),
    ],
)
def test_programs_and_scripts_in_the_folder_are_the_code_of_a_command(
    folder: Path, command: list[str] | str, expected: set[str]
) -> None:
    """A program that is a path in the folder, scripts its words name, and what Python imports for them; not data, not what is written."""
    if isinstance(command, list):
        command = [word.replace("{folder}", str(folder)) for word in command]
    assert in_the_hash(folder, command=command) == expected


def test_a_stage_of_another_folder_may_run_a_program_of_the_file(folder: Path) -> None:
    """With a workdir below the folder a program beside the file is code too."""
    assert in_the_hash(folder, command=["../bin/solve"], workdir="pack") == {"bin/solve"}


def test_installed_code_is_in_no_hash(folder: Path) -> None:
    """A module and a program that are not in the folder hash like nothing."""
    assert hash_of(folder, call="json:dumps") == hash_of(folder, command="true") == code_hash([])


def test_a_file_that_cannot_be_read_as_python_imports_nothing(folder: Path) -> None:
    """Whether its syntax is unknown, it is too long a name, or is not there."""
    names = ("broken.py", "missing.py", "x" * 300)
    assert [imports_of(folder / name) for name in names] == [(), (), ()]


def test_imports_are_read_anew_when_the_file_changes(folder: Path) -> None:
    """What is remembered of a file is that of its present size, time and content."""
    file = folder / "other.py"
    for number in (1, 2):
        file.write_text(f"from .a import b{number}\n")
        assert imports_of(file) == imports_of(file) == (Import(1, "a", (f"b{number}",)),)
    os.utime(file, ns=(1, 1))
    assert imports_of(file) == imports_of(file) == (Import(1, "a", ("b2",)),)
    file.write_text("import c\n")
    assert imports_of(file) == (Import(0, "c"),)


def test_a_hash_that_is_remembered_is_that_of_the_present_files(folder: Path) -> None:
    """An old file is hashed once, and anew when it is replaced, also by one of the same size and time."""
    places = [(str(folder), "./other.py")]
    file, newer = folder / "other.py", folder / "newer"
    file.write_text("a")
    os.utime(file, ns=(1, 1))
    before = code_hash(places)
    assert code_hash(places) == before
    newer.write_text("b")
    os.utime(newer, ns=(1, 1))
    newer.rename(file)
    with pytest.raises(CodeChanged):
        expect(before, places)
