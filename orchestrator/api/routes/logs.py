"""logs: captured output."""

from collections.abc import AsyncIterator

import anyio
from fastapi import APIRouter, Query

from orchestrator.api import outputs, pages
from orchestrator.api.services import READING, AnyRef, Given, Services
from orchestrator.api.standing import standing
from orchestrator.api.streams import Pieces, StreamedAnswer
from orchestrator.api.watching import any_may_move, refs_under
from orchestrator.domain.refs import Ref, parse_ref
from orchestrator.errors import NotFound
from orchestrator.store.broadcast import Subscription

router = APIRouter()

GROWTH_SECONDS = 0.2
"""How often a file that is being written is looked at, only while somebody follows it: its writer is another process, which tells
nobody, and one `stat` costs less than keeping a watch per file."""

_SKIPPED = b"==> some output was skipped: it came faster than it was read <==\n"


@router.get("/v1/experiments/{ref}/logs", dependencies=[READING])
async def logs(
    services: Given,
    ref: AnyRef,
    stream: outputs.Which = "both",
    follow: bool = Query(default=False, description="Go on until it has ended."),  # noqa: FBT001 - a query parameter
) -> StreamedAnswer:
    """What the last attempts printed, as plain text. Of more than one file, a line before each says which follows."""
    printer = outputs.Printer(titles=ref.iteration is None)
    following = _Followed(services, ref, stream)
    pieces = following.pieces(printer) if follow else following.printed(printer)
    return StreamedAnswer(pieces, media_type="text/plain", follows=follow)


class _Followed:
    """The output of everything under a ref, in ref order, then as it comes."""

    def __init__(self, services: Services, ref: Ref, which: outputs.Which) -> None:
        self._services = services
        self._ref = ref
        self._which = which
        self._growing: dict[str, list[outputs.Tail]] = {}
        self._told_all = False  # no more events will come

    async def printed(self, printer: outputs.Printer) -> Pieces:
        """What there is now; remembers what still runs."""
        async for page in pages.variants_under(self._services.views, self._ref):
            for row in outputs.iterations(page):
                files = outputs.tails_of_row(self._services.host.state_directory, row, self._which)
                async for piece in outputs.drain(files, printer):
                    yield piece
                if row["state"] == "running":
                    self._growing[row["ref"]] = files

    async def pieces(self, printer: outputs.Printer) -> Pieces:
        """What there is now, then what comes, until the ref has ended."""
        with self._services.events.subscribe() as subscription:
            yield b""  # the answer begins before the first output does
            async for piece in self.printed(printer):
                yield piece
            while not self._told_all and not await self._ended():
                async for piece in self._until_it_may_have_ended(subscription, printer):
                    yield piece
            async for piece in self._grown(printer):
                yield piece

    async def _until_it_may_have_ended(
        self, subscription: Subscription, printer: outputs.Printer
    ) -> AsyncIterator[bytes]:
        while True:
            events: list[dict[str, object]] | None = []
            with anyio.move_on_after(GROWTH_SECONDS if self._growing else None):
                events = await subscription.next()
            if events is None:
                self._told_all = True
                return
            if subscription.missed:
                subscription.missed = False
                yield _SKIPPED
            for ref in refs_under(events, self._ref, kinds={"iterations_started"}):
                await self._watch(ref)
            async for piece in self._grown(printer):
                yield piece
            for ref in refs_under(events, self._ref, kinds={"iterations_finished", "iterations_requeued"}):
                self._growing.pop(ref, None)
            if any_may_move(events, self._ref):
                return

    async def _watch(self, ref: str) -> None:
        try:
            row = await self._services.views.iteration(parse_ref(ref))
        except NotFound:  # removed meanwhile
            return
        self._growing[ref] = outputs.tails_of_row(self._services.host.state_directory, row, self._which)

    async def _grown(self, printer: outputs.Printer) -> AsyncIterator[bytes]:
        for files in list(self._growing.values()):
            async for piece in outputs.drain(files, printer):
                yield piece

    async def _ended(self) -> bool:
        try:
            current = await standing(self._services.views, self._ref)
        except NotFound:  # removed meanwhile
            return True
        return bool(current["ended"])
