"""Who may do what, from the settings: names become ids once, at start."""

import grp
import os
import pwd
from collections.abc import Callable, Iterable

from orchestrator.api.rights import Rules, Who
from orchestrator.errors import InvalidSettings, Problem
from orchestrator.settings import Settings


def rules_of(settings: Settings) -> Rules:
    """The rules the settings describe. Raises InvalidSettings naming every user and group this machine does not know.

    With nobody named at all, whoever can open the socket has both rights; with only readers named, control is left to the
    daemon's user and root; with only controllers named, whoever can open the socket reads.
    """
    problems: list[Problem] = []
    read = _who(settings, "read", problems)
    control = _who(settings, "control", problems)
    if problems:
        raise InvalidSettings("the settings name users or groups this machine does not know", problems=problems)
    nobody_named = read == Who() and control == Who()
    return Rules(
        owner_uid=os.geteuid(),
        read=Who(anyone=True) if read == Who() else read,
        control=Who(anyone=True) if nobody_named else control,
    )


def _who(settings: Settings, right: str, problems: list[Problem]) -> Who:
    users, groups = f"{right}_users", f"{right}_groups"
    return Who(
        uids=_ids(getattr(settings, users), lambda name: pwd.getpwnam(name).pw_uid, where=users, problems=problems),
        gids=_ids(getattr(settings, groups), lambda name: grp.getgrnam(name).gr_gid, where=groups, problems=problems),
    )


def _ids(
    given: Iterable[str | int], look_up: Callable[[str], int], *, where: str, problems: list[Problem]
) -> frozenset[int]:
    found = set()
    for name in given:
        if isinstance(name, int):
            found.add(name)
            continue
        try:
            found.add(look_up(name))
        except KeyError:
            problems.append(Problem(where, f"there is no {name!r}"))
    return frozenset(found)
