"""How many requests may be in flight: more while all goes well, fewer when the server says it is too much."""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["Gate"]


class Gate:
    """Adaptive concurrency: additive increase, multiplicative decrease, one decrease an episode.

    An episode is all requests that were in flight when the server first complained: those that were sent before
    a cut say nothing about the limit after it. Until the first complaint the limit doubles each round (slow
    start); afterwards it grows by one a round, and sixteen times slower just below the limit of the last
    complaint, so that a server with little room is not made to complain at every other request. The limit grows
    only while it is being used. A cut halves it; when requests were answered at this limit it keeps seven tenths.

    first, most: the limit to begin with and the highest ever.
    """

    __slots__ = ("_answered", "_epoch", "_most", "_paused_until", "_sore", "_timer", "_waiting", "in_flight", "limit")

    def __init__(self, first: int, most: int) -> None:
        self.limit = float(min(first, most))
        self.in_flight = 0
        self._most = most
        self._epoch = 0
        self._answered = False
        self._sore = 0.0
        self._paused_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def episodes(self) -> int:
        """How often the limit was cut."""
        return self._epoch

    async def enter(self, *, again: bool = False) -> int:
        """Waits for a place and returns its ticket; a request that is tried `again` goes to the front."""
        if self._waiting or not self._open():
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            if again:
                self._waiting.appendleft(place)
            else:
                self._waiting.append(place)
            self._admit()
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():
                    self.leave()
                elif place in self._waiting:
                    self._waiting.remove(place)
                raise
        else:
            self.in_flight += 1
        return self._epoch

    def leave(self) -> None:
        """Gives the place back."""
        self.in_flight -= 1
        if self._waiting:
            self._admit()

    def praise(self, ticket: int) -> None:
        """A request was answered."""
        if ticket != self._epoch:
            return
        self._answered = True
        if self.limit >= self._most or 2 * self.in_flight < self.limit:
            return
        step = 1.0
        if self._epoch:
            step = 1 / self.limit
            if self.limit <= self._sore <= self.limit + 1:
                step /= 16
        self.limit = min(self._most, self.limit + step)

    def complain(self, ticket: int, pause: float = 0.0) -> None:
        """The server was too busy for a request; nobody enters for `pause` seconds."""
        if ticket == self._epoch:
            gentle = self._answered and self._epoch > 0
            self._epoch += 1
            self._answered = False
            self._sore = float(int(self.limit))
            self.limit = max(1.0, self.limit * (0.7 if gentle else 0.5))
        if pause > 0:
            self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + pause)

    def _open(self) -> bool:
        if self.in_flight >= int(self.limit):
            return False
        return not self._paused_until or asyncio.get_running_loop().time() >= self._paused_until

    def _admit(self) -> None:
        while self._waiting and self._open():
            place = self._waiting.popleft()
            if not place.done():
                self.in_flight += 1
                place.set_result(None)
        if self._waiting and self._timer is None:
            loop = asyncio.get_running_loop()
            if self._paused_until > loop.time():
                self._timer = loop.call_at(self._paused_until, self._resume)

    def _resume(self) -> None:
        self._timer = None
        self._admit()
