"""The unit files as systemd's own tools see them."""

import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
THRESHOLD_TENTHS = 20


def laid_out(folder: Path, kind: str, *, program: str) -> list[str]:
    """Copies of the units of a kind in which the installed program is one that exists."""
    copies = []
    for unit in sorted((UNITS / kind).glob("orchestrator.[a-z]*")):
        if unit.suffix not in {".service", ".socket"}:
            continue
        text = unit.read_text()
        copy = folder / unit.name
        copy.write_text(text.replace(program, "/bin/true"))
        assert (program in text) == (unit.suffix == ".service")
        copies.append(str(copy))
    return copies


def said(*command: str, environ: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit status and all output of a command."""
    process = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=environ
    )
    return process.returncode, process.stdout


def test_the_system_units_are_valid(tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing, with the drop-in that loosens the confinement and without."""
    units = laid_out(tmp_path, "system", program="/opt/orchestrator/bin/orchestratord")
    assert said("systemd-analyze", "verify", "--man=no", *units) == (0, "")
    (tmp_path / "orchestrator.service.d").mkdir()
    (tmp_path / "orchestrator.service.d/relaxed.conf").write_text((UNITS / "system/relaxed.conf").read_text())
    assert said("systemd-analyze", "verify", "--man=no", *units) == (0, "")


def test_the_user_units_are_valid(tmp_path: Path) -> None:
    """`systemd-analyze --user verify` finds nothing."""
    units = laid_out(tmp_path, "user", program="%h/.local/bin/orchestratord")
    environ = {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    assert said("systemd-analyze", "--user", "verify", "--man=no", *units, environ=environ) == (0, "")


def test_the_system_service_is_confined() -> None:
    """`systemd-analyze security` rates its exposure at 2.0 or less."""
    status, text = said(
        "systemd-analyze",
        "security",
        "--offline=true",
        "--no-pager",
        f"--threshold={THRESHOLD_TENTHS}",
        str(UNITS / "system/orchestrator.service"),
    )
    assert status == 0, text


@pytest.mark.parametrize("option", ["PrivateUsers=", "ProcSubset=", "ProtectControlGroups=", "DynamicUser="])
@pytest.mark.parametrize("file", ["orchestrator.service", "relaxed.conf"])
def test_options_that_would_break_it_are_not_set(option: str, file: str) -> None:
    """No line sets what would hide clients' identity, the machine's readings or the delegated group, or change the user."""
    assert not [line for line in (UNITS / "system" / file).read_text().splitlines() if line.startswith(option)]


@pytest.mark.parametrize("kind", ["system", "user"])
def test_enabling_the_socket_enables_the_service(kind: str) -> None:
    """After a reboot unfinished experiments go on without anybody connecting."""
    assert "Also=orchestrator.service" in (UNITS / kind / "orchestrator.socket").read_text().splitlines()


def test_the_user_and_the_folders_of_the_service_are_valid(tmp_path: Path) -> None:
    """systemd-sysusers and systemd-tmpfiles take the files: the user of the unit exists, its lock folder is the group's."""
    (tmp_path / "etc").mkdir()
    users = UNITS / "system/orchestrator.sysusers.conf"
    assert said("systemd-sysusers", f"--root={tmp_path}", str(users))[0] == 0
    assert "orchestrator:" in (tmp_path / "etc/passwd").read_text()
    folders = UNITS / "system/orchestrator.tmpfiles.conf"
    status, text = said("systemd-tmpfiles", "--create", f"--root={tmp_path}", str(folders))
    assert (status, text) == (0, "")
    assert (tmp_path / "run/lock/orchestrator").stat().st_mode & 0o7777 == 0o2770
