"""Who may do what, by the settings."""

import grp
import os
import pwd

import pytest

from orchestrator.api.rights import Who
from orchestrator.daemon.access import rules_of
from orchestrator.errors import InvalidSettings
from orchestrator.settings import Settings

ANYONE = Who(anyone=True)


def test_with_nobody_named_the_socket_decides() -> None:
    """Whoever can open the socket may read and control; the owner is this user."""
    rules = rules_of(Settings())
    assert (rules.owner_uid, rules.read, rules.control) == (os.geteuid(), ANYONE, ANYONE)


def test_naming_readers_keeps_control_to_the_owner() -> None:
    """A list of readers must not leave control open to everybody."""
    rules = rules_of(Settings(read_groups=(4711,)))
    assert (rules.read, rules.control) == (Who(gids=frozenset({4711})), Who())


def test_naming_controllers_leaves_reading_to_the_socket() -> None:
    """Only control is narrowed down then."""
    rules = rules_of(Settings(control_users=(4711,)))
    assert (rules.read, rules.control) == (ANYONE, Who(uids=frozenset({4711})))


def test_names_become_ids() -> None:
    """Users and groups are looked up once, at start."""
    rules = rules_of(Settings(control_users=(pwd.getpwuid(0).pw_name,), read_groups=(grp.getgrgid(0).gr_name, 7)))
    assert (rules.control, rules.read) == (Who(uids=frozenset({0})), Who(gids=frozenset({0, 7})))


def test_all_unknown_names_are_reported() -> None:
    """A misspelt name is an error that says where it stands, not a right that silently belongs to nobody."""
    with pytest.raises(InvalidSettings) as refused:
        rules_of(Settings(read_users=("no-such-user",), control_groups=("no-such-group",)))
    assert [problem.where for problem in refused.value.problems] == ["read_users", "control_groups"]
