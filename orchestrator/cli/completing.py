"""Completion of refs and names: asks a running daemon, for 200 ms at most, and stays silent when that fails."""

import signal
from types import FrameType
from typing import Any

import click

from orchestrator.cli.setup import Setup
from orchestrator.client import calls
from orchestrator.client.connection import NoAnswer
from orchestrator.client.session import Session
from orchestrator.client.wire import Request
from orchestrator.domain.refs import looks_like_ref
from orchestrator.errors import OrchestratorError

LIMIT_SECONDS = 0.2
MOST = 50


def _time_is_up(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError


def _ask(session: Session, request: Request) -> Any:
    before = signal.signal(signal.SIGALRM, _time_is_up)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_SECONDS)
    try:
        return session.without_start("completion never starts one").json(request, timeout_seconds=LIMIT_SECONDS)
    except (OrchestratorError, NoAnswer, OSError, ValueError, KeyError):
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def complete_experiment(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """Ids and names of the newest experiments."""
    found = _ask(context.ensure_object(Setup).session, calls.experiments(limit=MOST)) or []
    words = [word for each in found for word in (str(each["id"]), each["name"])]
    return [word for word in dict.fromkeys(words) if word.startswith(incomplete)]


def complete_ref(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Ids and names of experiments; behind a dot, their variants, then the iterations of one."""
    above, dot, _ = incomplete.rpartition(".")
    if not dot or not looks_like_ref(above):
        return complete_experiment(context, parameter, incomplete)
    document = _ask(context.ensure_object(Setup).session, calls.show(above, limit=MOST)) or {}
    below = document.get("variants") or document.get("iterations") or []
    return [each["ref"] for each in below if each["ref"].startswith(incomplete)]
