"""The message governor: how fast orders, changes and cancels may leave, and who goes first.

A sliding window alone admits too much in a clock second, and a clock second alone too much across
its boundary, so both hold (reliability.md 4.4, DESIGN.md section 5). A request that places several
orders counts as so many (docs/decisions/0022). Pure: the caller says what time it is, asks when to
come again, and sends what is released.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterable
from operator import attrgetter
from typing import Final, NamedTuple

from engine.model.command import Lane, Ticket
from engine.model.instrument import Segment
from engine.rules.clock_time import NS_PER_S, ns
from risk.limits import AccountLimits

URGENT_LANES: Final = (Lane.KILL_CANCEL, Lane.FLATTEN, Lane.HEDGE_OR_EXIT)
"""The lanes that may use the reserved part of a window."""

RESERVED: Final = 3
"""Messages of a window that only the urgent lanes may use."""

_lane: Final = attrgetter("lane")


class Window(NamedTuple):
    """At most so many ``messages`` in any ``span_ns``, ``reserved`` of them for the urgent lanes.

    Every order of a request is a message; with ``per_request`` the whole request is one, which is
    for a limit whose source says that it counts requests. ``is_calendar`` windows begin at whole
    multiples of their span since the epoch, as a server counts its clock seconds; the others slide.
    """

    messages: int
    span_ns: int
    reserved: int = 0
    is_calendar: bool = False
    per_request: bool = False

    def places(self, lane: Lane) -> int:
        """Return how many messages may stand in the window once one of this lane was sent."""
        return self.messages if lane in URGENT_LANES else self.messages - self.reserved


class _Log:
    """When messages left, for every window that counts them together."""

    def __init__(self, windows: tuple[Window, ...]) -> None:
        self._windows = windows
        self._orders: deque[int] = deque()
        self._requests: deque[int] = deque()
        self._keep_ns = max(window.span_ns for window in windows)
        self._room = {lane: min(window.places(lane) for window in windows) for lane in Lane}

    def earliest(self, lane: Lane, orders: int, now: int) -> int:
        """Return the first moment, from ``now`` on, at which a message of ``lane`` may leave."""
        # So few that they would fit the smallest window together; nor can requests be more.
        if len(self._orders) + orders <= self._room[lane]:
            return now
        at = now
        for window in self._windows:
            at = max(at, self._free_at(window, window.places(lane), orders, now))
        return at

    def note(self, at: int, orders: int) -> None:
        """Count a message of so many orders that leaves at ``at``."""
        for sent, count in ((self._orders, orders), (self._requests, 1)):
            while sent and sent[0] <= at - self._keep_ns:
                sent.popleft()
            sent.extend([at] * count)

    def left_late(self, since: int, now: int) -> None:
        """Count whatever was noted at ``since`` or later as leaving at ``now``."""
        for sent in (self._orders, self._requests):
            late = 0
            while sent and sent[-1] >= since:
                sent.pop()
                late += 1
            sent.extend([now] * late)

    def _free_at(self, window: Window, places: int, orders: int, now: int) -> int:
        # The one that must have left the window before there is room for all of these.
        sent, count = (self._requests, 1) if window.per_request else (self._orders, orders)
        blocking_place = places - count + 1
        if len(sent) < blocking_place:
            return now
        blocking = sent[-blocking_place]
        if window.is_calendar:
            return (blocking // window.span_ns + 1) * window.span_ns
        return blocking + window.span_ns


class Governor:
    """Holds messages until every window that applies has room for them.

    ``segment_windows`` count per (account, segment), ``client_windows`` per account over all its
    segments. Within a lane the first in is the first out, per account and segment; a message of
    several orders that waits for room keeps it from whatever is behind it or in a lower lane.
    """

    def __init__(
        self, segment_windows: Iterable[Window], client_windows: Iterable[Window] = ()
    ) -> None:
        self._segment_windows = tuple(segment_windows)
        self._client_windows = tuple(client_windows)
        self._segment_logs: dict[tuple[str, Segment], _Log] = {}
        self._client_logs: dict[str, _Log] = {}
        # By lane and then by arrival: the order in which they may leave.
        self._queue: list[Ticket] = []
        windows = [w for w in (*self._segment_windows, *self._client_windows) if not w.per_request]
        self._most = {lane: min((w.places(lane) for w in windows), default=0) for lane in Lane}
        self._now = 0

    @classmethod
    def of(cls, limits: AccountLimits, client_windows: Iterable[Window] = ()) -> Governor:
        """Return the governor the limits describe, with a broker's own windows per client."""
        return cls(
            (
                Window(limits.messages_per_window, ns(limits.message_window_s), RESERVED),
                Window(limits.messages_per_calendar_second, NS_PER_S, RESERVED, is_calendar=True),
            ),
            client_windows,
        )

    def __len__(self) -> int:
        return len(self._queue)

    def submit(self, ticket: Ticket, now: int) -> None:
        """Queue a message. Nothing leaves until ``release``.

        One of more orders than a window ever has room for leaves as several.
        """
        self._now = now
        orders = ticket.client_ids
        most = self._most[ticket.lane] or len(orders)
        if len(orders) <= most:
            insort(self._queue, ticket, key=_lane)
            return
        for first in range(0, len(orders), most):
            insort(self._queue, ticket.of(orders[first : first + most]), key=_lane)

    def release(self, now: int) -> list[Ticket]:
        """Take out what may leave at ``now``, most urgent lane first, and count it as sent."""
        self._now = now
        released: list[Ticket] = []
        waiting: list[Ticket] = []
        held: set[object] = set()
        for ticket in self._queue:
            if now <= ticket.expires_at and self._free_at(ticket, now, held) == now:
                self._note(ticket, now)
                released.append(ticket)
            else:
                waiting.append(ticket)
        self._queue = waiting
        return released

    def expired(self, now: int) -> list[Ticket]:
        """Take out what nobody wants any more at ``now``: it was never sent."""
        self._now = now
        gone = [ticket for ticket in self._queue if now > ticket.expires_at]
        if gone:
            self._queue = [ticket for ticket in self._queue if now <= ticket.expires_at]
        return gone

    def left_late(self, since: int, now: int) -> None:
        """Count what was released at ``since`` or later as leaving only now: the disk held it.

        Windows are about what a broker receives, and it all reaches him at once.
        """
        self._now = now
        for log in (*self._segment_logs.values(), *self._client_logs.values()):
            log.left_late(since, now)

    def next_time(self) -> int | None:
        """Return when ``release`` or ``expired`` next has something, None while nothing waits.

        Never earlier than the last time this governor was told.
        """
        if not self._queue:
            return None  # A runner asks this at every turn, and mostly nothing waits.
        now = self._now
        times: list[int] = []
        held: set[object] = set()
        for ticket in self._queue:
            free_at = self._free_at(ticket, now, held)
            if free_at == now:
                return now
            gone_at = max(now, ticket.expires_at + 1)
            times.append(gone_at if free_at is None else min(free_at, gone_at))
        return min(times)

    def forget(self, client_ids: Iterable[str]) -> None:
        """Drop these orders from every queued message; the others of a message stay in it."""
        unwanted = frozenset(client_ids)
        kept = [(t, [c for c in t.client_ids if c not in unwanted]) for t in self._queue]
        self._queue = [ticket.of(wanted) for ticket, wanted in kept if wanted]

    def _free_at(self, ticket: Ticket, now: int, held: set[object]) -> int | None:
        """Return when a message may leave; None while one before it waits for the same places.

        ``held``: the accounts, and the segments of them, in which one before it waits.
        """
        place = ticket.account, ticket.segment
        if held and (place in held or ticket.account in held):
            return None
        orders = len(ticket.client_ids)
        segment, client = self._logs(ticket)
        at = segment.earliest(ticket.lane, orders, now)
        if at > now:
            held.add(place)
        if client is not None:
            client_at = client.earliest(ticket.lane, orders, now)
            if client_at > now:
                held.add(ticket.account)
            at = max(at, client_at)
        return at

    def _note(self, ticket: Ticket, now: int) -> None:
        orders = len(ticket.client_ids)
        segment, client = self._logs(ticket)
        segment.note(now, orders)
        if client is not None:
            client.note(now, orders)

    def _logs(self, ticket: Ticket) -> tuple[_Log, _Log | None]:
        key = (ticket.account, ticket.segment)
        segment = self._segment_logs.get(key)
        if segment is None:
            segment = self._segment_logs[key] = _Log(self._segment_windows)
        if not self._client_windows:
            return segment, None
        client = self._client_logs.get(ticket.account)
        if client is None:
            client = self._client_logs[ticket.account] = _Log(self._client_windows)
        return segment, client
