"""The unit files as systemd's own tools see them."""

import re
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
SERVICES = ("orchestrator.service", "orchestrator-keeper.service")
THRESHOLD_TENTHS = 20


def laid_out(folder: Path, kind: str, *, programs: str) -> list[str]:
    """Copies of the units of a kind in which the installed programs are one that exists."""
    copies = []
    for unit in sorted((UNITS / kind).glob("orchestrator*")):
        if unit.suffix not in {".service", ".socket", ".target"}:
            continue
        text, count = re.subn(
            f"^ExecStart={re.escape(programs)}orchestrator(d|-keeper)$",
            "ExecStart=/bin/true",
            unit.read_text(),
            flags=re.MULTILINE,
        )
        copy = folder / unit.name
        copy.write_text(text)
        assert count == (unit.suffix == ".service")
        copies.append(str(copy))
    assert len(copies) == 5
    return copies


def said(*command: str, environ: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit status and all output of a command."""
    process = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=environ
    )
    return process.returncode, process.stdout


def test_the_system_units_are_valid(tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing, with the drop-in that loosens the confinement and without."""
    units = laid_out(tmp_path, "system", programs="/opt/orchestrator/bin/")
    assert said("systemd-analyze", "verify", "--man=no", *units) == (0, "")
    for service in SERVICES:
        (tmp_path / f"{service}.d").mkdir()
        (tmp_path / f"{service}.d/relaxed.conf").write_text((UNITS / "system/relaxed.conf").read_text())
    assert said("systemd-analyze", "verify", "--man=no", *units) == (0, "")


def test_the_user_units_are_valid(tmp_path: Path) -> None:
    """`systemd-analyze --user verify` finds nothing."""
    units = laid_out(tmp_path, "user", programs="%h/.local/bin/")
    environ = {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    assert said("systemd-analyze", "--user", "verify", "--man=no", *units, environ=environ) == (0, "")


@pytest.mark.parametrize("service", SERVICES)
def test_the_system_services_are_confined(service: str) -> None:
    """`systemd-analyze security` rates the exposure of each at 2.0 or less."""
    status, text = said(
        "systemd-analyze",
        "security",
        "--offline=true",
        "--no-pager",
        f"--threshold={THRESHOLD_TENTHS}",
        str(UNITS / "system" / service),
    )
    assert status == 0, text


@pytest.mark.parametrize("option", ["PrivateUsers=", "ProcSubset=", "ProtectControlGroups=", "DynamicUser="])
@pytest.mark.parametrize("file", [*SERVICES, "relaxed.conf"])
def test_options_that_would_break_it_are_not_set(option: str, file: str) -> None:
    """No line sets what would hide clients' identity, the machine's readings or the delegated group, or change the user."""
    assert not [line for line in (UNITS / "system" / file).read_text().splitlines() if line.startswith(option)]


@pytest.mark.parametrize("kind", ["system", "user"])
def test_enabling_the_socket_enables_the_service(kind: str) -> None:
    """After a reboot unfinished experiments go on without anybody connecting."""
    assert "Also=orchestrator.service" in (UNITS / kind / "orchestrator.socket").read_text().splitlines()


@pytest.mark.parametrize("kind", ["system", "user"])
def test_the_keeper_is_confined_as_the_daemon_is(kind: str) -> None:
    """Where a stage runs does not change what it may do: the options that confine are the same in both units."""
    daemon, keeper = (confinement((UNITS / kind / service).read_text()) for service in SERVICES)
    assert daemon == keeper
    assert bool(daemon) == (kind == "system")


def confinement(unit: str) -> list[str]:
    """The options from the comment on confinement to the end of the section."""
    lines = unit.partition("# Confinement")[2].partition("[Install]")[0].splitlines()[1:]
    return [line for line in lines if line and not line.startswith("#")]


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
