"""Claims about binding the Unix socket."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.api.socket import GROUP_MODE, adopt, bind
from orchestrator.errors import Conflict, InvalidRequest, LockHeld


@pytest.fixture
def folder(private_places: Path) -> Path:
    """A folder whose path is short enough for any socket."""
    return private_places / "run"


@pytest.fixture
def open_umask() -> Iterator[None]:
    """The most careless umask there is."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
        return True


def test_socket_is_for_its_owner_alone_whatever_the_umask(folder: Path, open_umask: None) -> None:
    """A private socket has mode 0600 under umask 0, and a folder made for it has 0700."""
    with bind(folder / "deep" / "s"):
        assert mode_of(folder / "deep" / "s") == 0o600
        assert mode_of(folder / "deep") == 0o700


def test_group_socket_has_its_group_even_under_a_strict_umask(folder: Path) -> None:
    """Mode 0660 and the group are there under umask 0777."""
    group = os.getgroups()[-1] if os.getgroups() else os.getgid()
    before = os.umask(0o777)
    try:
        with bind(folder / "s", mode=GROUP_MODE, gid=group):
            assert mode_of(folder / "s") == 0o660
            assert (folder / "s").lstat().st_gid == group
    finally:
        os.umask(before)


def test_socket_listens_as_soon_as_it_is_seen_and_is_gone_afterwards(folder: Path) -> None:
    """A client can connect inside the block; after it nothing is left in the folder."""
    with bind(folder / "s") as listener:
        assert connects(folder / "s")
        assert listener.getblocking() is False
        assert [path.name for path in folder.iterdir()] == ["s"]
    assert list(folder.iterdir()) == []


def test_stale_socket_is_replaced(folder: Path) -> None:
    """The socket of a dead process is no obstacle."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / "s"))
    with bind(folder / "s"):
        assert connects(folder / "s")


def test_live_socket_is_left_alone(folder: Path) -> None:
    """A second one is refused, and the first goes on answering."""
    with bind(folder / "s"):
        with pytest.raises(LockHeld, match="listening"), bind(folder / "s"):
            pass
        assert connects(folder / "s")


def test_live_socket_with_a_full_queue_counts_as_live(folder: Path) -> None:
    """A listener that accepts nobody is not taken for a dead one."""
    clients = []
    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(str(folder / "s"))
        busy.listen(0)
        for _ in range(8):
            client = socket.socket(socket.AF_UNIX)
            client.setblocking(False)
            clients.append(client)
            client.connect_ex(str(folder / "s"))
        with pytest.raises(LockHeld), bind(folder / "s"):
            pass
    for client in clients:
        client.close()


def test_file_in_the_way_is_kept(folder: Path) -> None:
    """What is no socket is never replaced."""
    (folder / "s").write_text("precious")
    with pytest.raises(Conflict, match="no socket"), bind(folder / "s"):
        pass
    assert (folder / "s").read_text() == "precious"
    assert [path.name for path in folder.iterdir()] == ["s"]


def test_longest_path_the_kernel_takes_is_taken(folder: Path) -> None:
    """107 bytes work, 108 are refused with the number."""
    name = "n" * (107 - len(str(folder)) - 1)
    with bind(folder / name):
        assert connects(folder / name)
    with pytest.raises(InvalidRequest, match="108 bytes"), bind(folder / (name + "n")):
        pass


def test_short_name_in_a_long_folder_is_refused_for_its_temporary_name(folder: Path) -> None:
    """A path that fits is refused when the name it is made under does not fit."""
    deep = folder / ("d" * (105 - len(str(folder)) - 1))
    assert len(str(deep / "s")) == 107
    with pytest.raises(InvalidRequest, match="too long"), bind(deep / "s"):
        pass


def test_socket_of_a_successor_is_not_removed(folder: Path) -> None:
    """Leaving removes the file only while it is this socket."""
    with bind(folder / "s"):
        (folder / "s").unlink()
        successor = socket.socket(socket.AF_UNIX)
        successor.bind(str(folder / "s"))
    assert (folder / "s").is_socket()
    successor.close()


def test_passed_socket_must_listen(folder: Path) -> None:
    """A listening Unix socket is adopted, non-blocking; one that does not listen is refused."""
    with socket.socket(socket.AF_UNIX) as passed:
        passed.bind(str(folder / "s"))
        with pytest.raises(InvalidRequest, match="does not listen"):
            adopt(passed)
        passed.listen()
        assert adopt(passed) is passed
        assert passed.getblocking() is False


def test_passed_socket_of_another_kind_is_refused() -> None:
    """A TCP socket is none of ours: nobody could say who connects."""
    with socket.socket(socket.AF_INET) as passed, pytest.raises(InvalidRequest, match="Unix stream"):
        adopt(passed)
