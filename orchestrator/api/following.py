"""Following captured output: what there is, then what comes, each byte once, until the thing it belongs to has ended."""

from bisect import bisect_left
from collections.abc import AsyncIterator, Iterable
from itertools import chain
from typing import Any

import anyio

from orchestrator.api import outputs, pages
from orchestrator.api.services import Services
from orchestrator.api.standing import standing
from orchestrator.api.streams import Pieces
from orchestrator.api.watching import any_may_move, refs_under
from orchestrator.domain.refs import Ref, parse_ref
from orchestrator.errors import NotFound
from orchestrator.store.broadcast import Subscription

GROWTH_SECONDS = 0.2
"""How often a file that is being written is looked at, only while somebody follows it: its writer is another process, which tells
nobody, and one `stat` costs less than keeping a watch per file."""

_STARTED = frozenset({"iterations_started"})
_STOPPED = frozenset({"iterations_finished", "iterations_requeued"})
_SKIPPED = b"==> some output was skipped: it came faster than it was read <==\n"

Row = dict[str, Any]


class FirstPass:
    """Which attempts the pass over what there was has met already, so that the event of their start means nothing new.

    One entry a page: the newest event before the page was read, whose effects the page shows for certain, and the later starts that it
    happens to show as well.
    """

    def __init__(self) -> None:
        self._last_variants: list[int] = []
        self._pages: list[tuple[int, frozenset[str]]] = []

    def add(self, last_variant: int, *, newest: int, also: frozenset[str]) -> None:
        """A page that ends with a variant has been printed."""
        self._last_variants.append(last_variant)
        self._pages.append((newest, also))

    def has_met(self, ref: Ref, *, seq: int) -> bool:
        """Whether the start told by event `seq` was seen by the pass."""
        page = bisect_left(self._last_variants, ref.variant or 0)
        if page == len(self._pages):
            return False
        newest, also = self._pages[page]
        return seq <= newest or str(ref) in also


class Follower:
    """The output of everything under a ref, in ref order, then as it comes."""

    def __init__(self, services: Services, ref: Ref, which: outputs.Which) -> None:
        self._services = services
        self._views = services.views
        self._ref = ref
        self._which = which
        self._printer = outputs.Printer(titles=ref.iteration is None)
        self._first_pass = FirstPass()
        self._growing: dict[str, list[outputs.Tail]] = {}
        self._told_all = False  # no more events will come

    async def printed(self) -> Pieces:
        """What there is now."""
        async for page in pages.variants_under(self._views, self._ref):
            files = chain.from_iterable(self._files(row) for row in outputs.iterations(page))
            async for piece in outputs.drain(files, self._printer):
                yield piece

    async def followed(self) -> Pieces:
        """What there is now, then what comes, until the ref has ended."""
        with self._services.events.subscribe() as subscription:
            yield b""  # the answer begins before the first output does
            async for piece in self._caught_up():
                yield piece
            while not self._told_all and not await self._ended():
                async for piece in self._until_it_may_have_ended(subscription):
                    yield piece
            async for piece in self._grown():
                yield piece

    async def _caught_up(self) -> AsyncIterator[bytes]:
        """As `printed`, and remembers what still runs and what has been met."""
        newest = await self._newest()
        async for page in pages.variants_under(self._views, self._ref):
            rows = {row["ref"]: row for row in outputs.iterations(page)}
            late = await self._views.journal.events(since=newest, limit=pages.PAGE, experiment=self._ref.experiment)
            started = refs_under(late, self._ref, kinds=_STARTED)
            also = frozenset(ref for ref in started if ref in rows and rows[ref]["state"] != "queued")
            self._first_pass.add(pages.number_of(page[-1]["ref"]), newest=newest, also=also)
            files = {ref: self._files(row) for ref, row in rows.items()}
            async for piece in outputs.drain(chain.from_iterable(files.values()), self._printer):
                yield piece
            self._growing |= {ref: files[ref] for ref, row in rows.items() if row["state"] == "running"}
            newest = await self._newest()

    async def _newest(self) -> int:
        return (await self._views.journal.range())[1]

    def _files(self, row: Row) -> list[outputs.Tail]:
        return outputs.tails_of_row(self._services.host.state_directory, row, self._which)

    async def _until_it_may_have_ended(self, subscription: Subscription) -> AsyncIterator[bytes]:
        while True:
            events: list[Row] | None = []
            with anyio.move_on_after(GROWTH_SECONDS if self._growing else None):
                events = await subscription.next()
            if events is None:
                self._told_all = True
                return
            if subscription.missed:
                subscription.missed = False
                yield _SKIPPED
            await self._watch_started(events)
            async for piece in self._grown():
                yield piece
            for ref in refs_under(events, self._ref, kinds=_STOPPED):
                self._growing.pop(ref, None)
            if any_may_move(events, self._ref):
                return

    async def _watch_started(self, events: Iterable[Row]) -> None:
        for event in events:
            for text in refs_under([event], self._ref, kinds=_STARTED):
                ref = parse_ref(text)
                if not self._first_pass.has_met(ref, seq=event["seq"]):
                    await self._watch(ref)

    async def _watch(self, ref: Ref) -> None:
        try:
            row = await self._views.iteration(ref)
        except NotFound:  # removed meanwhile
            return
        self._growing[str(ref)] = self._files(row)

    async def _grown(self) -> AsyncIterator[bytes]:
        async for piece in outputs.drain(chain.from_iterable(self._growing.values()), self._printer):
            yield piece

    async def _ended(self) -> bool:
        try:
            current = await standing(self._views, self._ref)
        except NotFound:  # removed meanwhile
            return True
        return bool(current["ended"])
