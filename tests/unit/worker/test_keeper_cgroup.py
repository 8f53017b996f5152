"""Control groups as far as they are files: which group is ours, when it can be divided, what is written and read."""

import os
from pathlib import Path

import pytest

from orchestrator.worker.keeper_cgroup import Groups, NotDelegated, Told, own_group

MOUNTS = (
    "22 1 0:20 / /proc rw,nosuid - proc proc rw\n"
    "30 22 0:26 {root} /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
)


def group_of(folder: Path, *, root: str = "/", path: str = "0::/user.slice/a.service", mounts: str = MOUNTS) -> str:
    (folder / "mountinfo").write_text(mounts.format(root=root))
    (folder / "cgroup").write_text(f"4:memory:/elsewhere\n{path}\n")
    return own_group(str(folder / "mountinfo"), str(folder / "cgroup"))


def delegated(folder: Path, *, processes: str = "", controllers: str = "cpu memory pids") -> Path:
    """A folder that looks like a delegated group."""
    group = folder / "a.service"
    group.mkdir()
    for name, text in (
        ("cgroup.controllers", controllers),
        ("cgroup.procs", processes),
        ("cgroup.subtree_control", ""),
    ):
        (group / name).write_text(text)
    return group


def furnish(folder: Path) -> None:
    """The files that the kernel would make in a new group."""
    for name in ("cgroup.procs", "memory.max", "memory.swap.max", "memory.oom.group", "memory.peak", "memory.events"):
        (folder / name).touch()


def test_the_own_group_is_below_the_mount(tmp_path: Path) -> None:
    """The unified hierarchy's line counts, seen from what of it is mounted."""
    assert group_of(tmp_path) == "/sys/fs/cgroup/user.slice/a.service"
    assert group_of(tmp_path, root="/user.slice") == "/sys/fs/cgroup/a.service"
    assert group_of(tmp_path, path="0::/") == "/sys/fs/cgroup"


@pytest.mark.parametrize(
    "described", [{"path": "1:cpu:/"}, {"mounts": "22 1 0:20 / /proc rw - proc proc rw\n"}, {"root": "/other"}]
)
def test_without_a_unified_hierarchy_there_is_none(tmp_path: Path, described: dict[str, str]) -> None:
    """Neither a missing line nor a missing mount is guessed at."""
    with pytest.raises(NotDelegated, match="unified hierarchy"):
        group_of(tmp_path, **described)


@pytest.mark.parametrize(
    ("described", "reason"),
    [
        ({"controllers": "cpu pids"}, "has no memory controller"),
        ({"processes": f"{os.getpid()}\n1\n"}, "other processes are in"),
        ({"processes": f"{os.getpid()}\n"}, "cannot be divided"),
    ],
)
def test_what_cannot_be_divided_says_why(tmp_path: Path, described: dict[str, str], reason: str) -> None:
    """No controller, company in the group, or a kernel that refuses (here: files that are not there)."""
    with pytest.raises(NotDelegated, match=reason):
        Groups(str(delegated(tmp_path, **described)))


def test_what_the_kernel_refuses_is_nobody_s_fault(tmp_path: Path) -> None:
    """The group is divided; an evaluation that cannot be bounded in it is just not bounded by it."""
    group = delegated(tmp_path)
    (group / "keeper").mkdir()
    groups = Groups(str(group / "keeper"))
    assert (group / "cgroup.subtree_control").read_text() == "+memory"

    groups.take_in("1.2.3.1", 77, limit_bytes=4096)  # no kernel has made the files: it is left to being looked at
    assert groups.give_up("1.2.3.1") is None
    assert groups.give_up("unknown") is None


def test_the_end_is_read_from_its_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its limit and its process are written, without swap; the peak, and whether the kernel has killed, are told at the end."""
    group = delegated(tmp_path)
    (group / "keeper").mkdir()
    groups = Groups(str(group / "keeper"))
    mkdir = os.mkdir

    def as_the_kernel_does(path: str) -> None:
        mkdir(path)
        furnish(Path(path))

    monkeypatch.setattr(os, "mkdir", as_the_kernel_does)
    groups.take_in("1.2.3.1", 77, limit_bytes=4096)
    own = group / "evaluation-1.2.3.1"
    assert [(own / name).read_text() for name in ("memory.max", "cgroup.procs", "memory.swap.max")] == [
        "4096",
        "77",
        "0",
    ]
    (own / "memory.peak").write_text("4096\n")
    (own / "memory.events").write_text("low 0\noom 1\noom_kill 2\n")
    (own / "cgroup.procs").write_text("")
    assert groups.give_up("1.2.3.1") == Told(4096, was_killed=True)
