"""What the daemon knows of the evaluations that are under the keeper, whichever keeper that is and whichever daemon sent them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import anyio

from orchestrator.worker.keeper_protocol import Message


@dataclass(slots=True, eq=False)
class Ticket:
    """Evaluations that belong together, and what has been said of them."""

    tokens: tuple[str, ...]  # in the order they were sent
    open: set[str]
    started: dict[str, Message] = field(default_factory=dict)
    ended: dict[str, Message] = field(default_factory=dict)
    lost: bool = False  # there is no keeper any more: what had started and not ended was killed
    changed: anyio.Event = field(default_factory=anyio.Event)  # set when it is settled, or when the keeper is gone

    @property
    def settled(self) -> bool:
        """Whether nothing more will be said of them."""
        return not self.open

    def close(self, token: str) -> None:
        """Nothing more will be said of it."""
        self.open.discard(token)
        if not self.open:
            self.changed.set()


class Tickets:
    """All of them, over every connection. What an earlier daemon has sent is unclaimed until somebody asks for it."""

    def __init__(self) -> None:
        self._tickets: dict[str, Ticket] = {}  # by the tokens that are open
        self._known: set[str] = set()  # tokens the keeper may still know
        self._chains: list[list[str]] = []  # unclaimed ones that run or wait
        self._started: dict[str, Message] = {}
        self._ended: dict[str, Message] = {}
        self._met = False  # whether a keeper has told what it knows

    @property
    def any_known(self) -> bool:
        """Whether the keeper may know of something."""
        return bool(self._known)

    def issue(self, tokens: Sequence[str]) -> Ticket:
        """For evaluations that are about to be sent."""
        ticket = Ticket(tokens=tuple(tokens), open=set(tokens))
        self._known.update(tokens)
        self._tickets.update(dict.fromkeys(tokens, ticket))
        return ticket

    def free_token(self, token: str) -> str:
        """The same attempt sent twice at one instant is two runs: the keeper would take the second for a repeated message."""
        while token in self._known:
            token = f"{token}+"
        self._known.add(token)
        return token

    def claim(self, tokens: Sequence[str]) -> Ticket:
        """For evaluations that an earlier daemon has sent."""
        open_ = {token for chain in self._chains for token in chain}.intersection(tokens)
        ticket = Ticket(tokens=tuple(tokens), open=open_)
        ticket.started = {token: self._started.pop(token) for token in tokens if token in self._started}
        ticket.ended = {token: self._ended.pop(token) for token in tokens if token in self._ended}
        self._chains = [[token for token in chain if token not in open_] for chain in self._chains]
        self._tickets.update(dict.fromkeys(open_, ticket))
        if not open_:
            ticket.changed.set()
        return ticket

    def unclaimed(self) -> list[list[str]]:
        """Chain by chain, and those that have ended."""
        return [group for group in (*self._chains, list(self._ended)) if group]

    def drop_lost(self) -> list[str]:
        """Those of the unclaimed that were under way when their keeper died; they are unclaimed no more."""
        lost = [token for token, message in self._ended.items() if "lost" in message]
        for token in lost:
            del self._ended[token]
        return lost

    def note(self, message: Message) -> None:
        """Hand a message to the ticket it belongs to."""
        token = message["token"]
        ticket = self._tickets.get(token)
        started, ended = (self._started, self._ended) if ticket is None else (ticket.started, ticket.ended)
        if message["event"] == "started":
            started[token] = message
            return
        if message["event"] == "ended":
            ended[token] = message
        else:
            self._known.discard(token)
        if ticket is None:
            self._chains = [[one for one in chain if one != token] for chain in self._chains]
        else:
            del self._tickets[token]
            ticket.close(token)

    def disconnected(self) -> None:
        """Nothing more is heard from this keeper."""
        for ticket in set(self._tickets.values()):
            ticket.changed.set()

    def reconnected(self, hello: Message) -> list[str]:
        """What a keeper knows when it is greeted. What it does not know was never begun.

        Returns what it knows although its predecessor was told to forget it.
        """
        acknowledged = [
            message["token"] for message in hello["ended"] if self._met and message["token"] not in self._known
        ]
        self._met = True
        tickets, known = dict(self._tickets), {token for chain in hello["chains"] for token in chain}
        for ticket in set(tickets.values()):
            ticket.changed = anyio.Event()
        self._started, self._ended = {}, {}
        self._chains = [[token for token in chain if token not in tickets] for chain in hello["chains"]]
        for message in (*hello["running"], *hello["ended"]):
            known.add(message["token"])
            self.note(message)
        for token in tickets.keys() - known:
            self.note({"event": "dropped", "token": token})
        self._known = known
        return acknowledged

    def give_up(self) -> None:
        """There is no keeper and there will be none: what was under the last one has been killed."""
        for ticket in set(self._tickets.values()):
            ticket.lost = True
            ticket.open.clear()
            ticket.changed.set()
        self._tickets.clear()
        self._known.clear()

    def forget(self, tokens: Iterable[str]) -> None:
        """The keeper knows of these no more."""
        for token in tokens:
            self._known.discard(token)
            self._ended.pop(token, None)
