"""Live progress on a terminal, drawn by rich: rounds, variants, cases, overall, what runs, the best so far."""

import time
from collections.abc import Iterator
from typing import Any

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from orchestrator.cli.follow import ended, plain_line
from orchestrator.cli.text import STATE_COLOURS, duration, number, pairs, printable

MOST_CASES = 8
REFRESHES_A_SECOND = 4
BAR_COLUMNS = 36
LEAST_BAR_COLUMNS = 4
GAP_COLUMNS = 2


class Screen:
    """The picture of the newest snapshot of one experiment, or a line for each of several.

    It is drawn again and again so that the clock goes on between snapshots.
    """

    def __init__(self) -> None:
        self._newest: dict[str, dict[str, Any]] = {}
        self._at = 0.0

    def take(self, snapshot: dict[str, Any]) -> None:
        """Draw this one from now on; what has ended makes room for the others."""
        newest = {**self._newest, snapshot["ref"]: snapshot}
        left = {ref: each for ref, each in newest.items() if not ended(each)}
        self._newest, self._at = left or newest, time.monotonic()

    def draw(self, columns: int) -> RenderableType:
        """The picture, for a terminal as wide as this."""
        if len(self._newest) > 1:
            each = sorted(self._newest.values(), key=lambda snapshot: int(snapshot["ref"]))
            return Group(*(Text(plain_line(one), no_wrap=True, overflow="ellipsis") for one in each))
        snapshot = next(iter(self._newest.values()), None)
        if snapshot is None:
            return Text("waiting for the first news", style="dim")
        since = time.monotonic() - self._at if snapshot["state"] == "running" else 0.0
        parts: list[RenderableType] = [_title(snapshot), _bars(snapshot, columns), _clock(snapshot, since)]
        return Group(*parts, *_details(snapshot))


def _title(snapshot: dict[str, Any]) -> Text:
    state = snapshot["state"]
    text = Text.assemble(
        (f"{snapshot['ref']} ", "bold"),
        (f"{printable(snapshot.get('name') or '')}  ", "bold"),
        (state, STATE_COLOURS.get(state, "dim")),
    )
    if state == "running" and snapshot.get("phase"):
        text.append(f"  {snapshot['phase']}", style="dim")
    if snapshot.get("reason"):
        text.append(f"  {printable(snapshot['reason'])}", style="dim")
    return text


def _finished(iterations: dict[str, int]) -> int:
    return iterations["succeeded"] + iterations["failed"] + iterations["cancelled"]


def _rows(snapshot: dict[str, Any]) -> Iterator[tuple[str, int, int | None, str]]:
    """Label, finished, total and a remark for each bar."""
    if snapshot.get("round"):
        # the round under way is not finished yet
        yield "rounds", snapshot["round"] - (snapshot["state"] == "running"), snapshot.get("max_rounds"), ""
    here = snapshot.get("round_variants") or {}
    if here.get("total"):
        yield "variants of this round", here["finished"], here["total"], ""
    for case in (snapshot.get("cases") or [])[:MOST_CASES]:
        yield f"case {printable(str(case['case']))}", case["finished"], case["total"], ""
    iterations = snapshot["iterations"]
    failed = f"{iterations['failed']} failed" if iterations["failed"] else ""
    yield "all evaluations", _finished(iterations), iterations["total"] or None, failed


def _bars(snapshot: dict[str, Any], columns: int) -> Table:
    """The table of bars; what a narrow terminal takes away is of the bars, not of the numbers."""
    rows = [(*row, f"{row[1]}/{'?' if row[2] is None else row[2]}") for row in _rows(snapshot)]
    words = zip(*((label, remark, counts) for label, _, _, remark, counts in rows), strict=True)
    taken = sum(max(1, *map(cell_len, column)) + GAP_COLUMNS for column in words)  # an empty column is one wide
    width = max(LEAST_BAR_COLUMNS, min(BAR_COLUMNS, columns - taken))
    grid = Table.grid(padding=(0, GAP_COLUMNS, 0, 0))
    grid.add_column()
    grid.add_column(width=width)
    grid.add_column(justify="right")
    grid.add_column(style="red")
    for label, finished, total, remark, counts in rows:
        bar = ProgressBar(total=total or 1, completed=finished if total else 0, width=width)
        grid.add_row(label, bar, counts, remark)
    return grid


def _clock(snapshot: dict[str, Any], since: float) -> Text:
    text = Text(f"elapsed {duration(round((snapshot.get('elapsed_seconds') or 0.0) + since))}")
    eta = snapshot.get("eta_seconds")
    if eta is not None:
        text.append(f"   about {duration(max(0.0, round(eta - since)))} left", style="dim")
    return text


def _details(snapshot: dict[str, Any]) -> Iterator[Text]:
    best = snapshot.get("best")
    if isinstance(best, list):
        best = best[0] if best else None
    if best:
        score = "" if best.get("score") is None else f"  score {number(best['score'])}"
        yield Text.assemble(
            ("best ", "dim"), (best["ref"], "green bold"), f"  {pairs(best.get('params'))}", no_wrap=True
        )
        yield Text(f"     {pairs(best.get('metrics'))}{score}", no_wrap=True, overflow="ellipsis")
    for wait in snapshot.get("waits") or ():
        yield Text.assemble(("waits  ", "yellow"), printable(wait["message"]))
    for report in snapshot.get("reports") or ():
        told = f"{report['ref']} at step {report['step']}  {pairs(report['metrics'])}"
        yield Text(told, style="dim", no_wrap=True, overflow="ellipsis")
    if snapshot.get("running"):
        yield Text(f"runs {' '.join(snapshot['running'])}", style="dim", no_wrap=True, overflow="ellipsis")


def followed_live(snapshots: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The snapshots, drawn until the last one; then the picture is taken away. What is printed meanwhile stands above it."""
    screen = Screen()
    console = Console()

    def draw() -> RenderableType:
        return screen.draw(console.width)

    with Live(console=console, get_renderable=draw, refresh_per_second=REFRESHES_A_SECOND, transient=True):
        for snapshot in snapshots:
            screen.take(snapshot)
            yield snapshot
