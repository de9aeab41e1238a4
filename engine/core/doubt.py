"""Orders that were sent and whose outcome nobody told: looked for, never sent again.

The broker's books are read on a schedule, one read for all orders in doubt of an account. An order
is proven absent only by complete snapshots that were asked for long enough after it (reliability.md
2.4): a broker may show an order up to ``LATE_VISIBILITY_S`` late (assumption A1). Until then, and
when no proof is to be had, its risk stays reserved.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from engine.core.desk import Desk
from engine.model.order import Order
from engine.model.order_state import Trigger
from engine.rules.clock_time import NS_PER_S, ns

POLLS_S: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""When the books are read after an order came in doubt; then once more every last of these."""
FIRST_LOOK_S: Final = 15.0
"""A snapshot asked for sooner after it proves nothing."""
LATE_VISIBILITY_S: Final = 120.0
"""The last of the proving snapshots is asked for at least this long after it (A1)."""
LOOKS_NEEDED: Final = 3
"""Complete snapshots without the order, that prove it absent; twice as many after a gap."""
GIVE_UP_S: Final = 180.0
"""Without a proof by then the order is QUARANTINED: a person or new evidence decides."""
PAGE_EXIT_S: Final = 10.0
"""An exit in doubt leaves a position open: a person hears of it after this long."""


class _Case:
    """One order in doubt since ``since``. ``looks``: complete snapshots without it so far."""

    __slots__ = ("client_id", "had_gap", "looks", "polls", "since")

    def __init__(self, client_id: str, since: int) -> None:
        self.client_id = client_id
        self.since = since
        self.polls = 0
        self.looks = 0
        self.had_gap = False


class Doubts:
    """Every order in doubt, by account.

    ``read`` asks for an account's books; ``settle`` moves an order by what was proven, with the
    words that say why.
    """

    def __init__(
        self,
        desk: Desk,
        read: Callable[[str, str], None],
        settle: Callable[[str, Trigger, str], None],
    ) -> None:
        self._desk = desk
        self._read = read
        self._settle = settle
        self._cases: dict[str, dict[str, _Case]] = {}

    def of(self, account: str) -> Collection[str]:
        """Return the client ids in doubt in an account, oldest first."""
        return self._cases.get(account, {}).keys()

    def order_changed(self, order: Order, *, had_gap: bool) -> None:
        """Open a case for an order that came in doubt; close that of one that left it.

        ``had_gap``: nobody listened to its account's stream all the while.
        """
        cases = self._cases.setdefault(order.account, {})
        if not order.lifecycle.is_unknown:
            cases.pop(order.client_id, None)
            return
        if order.client_id in cases:
            return
        case = cases[order.client_id] = _Case(order.client_id, self._desk.now)
        case.had_gap = had_gap
        self._poll_later(order.account, case)
        if order.request.purpose.reduces:
            self._desk.timers.add(self._desk.now + ns(PAGE_EXIT_S), lambda: self._page(order, case))

    def begin_again(self) -> None:
        """Count every wait from now on: how long a restart took is the word of a wall clock.

        One that was set an hour ahead meanwhile would make a minute's wait look like enough.
        """
        for cases in self._cases.values():
            for case in cases.values():
                case.since = self._desk.now

    def stream_broke(self, account: str) -> None:
        """The order stream of an account was down: what it did not say proves less."""
        for case in self._cases.get(account, {}).values():
            case.had_gap = True

    def looked(self, account: str, asked_at: int, absent: Collection[str], objection: str) -> None:
        """Weigh a complete snapshot asked for at ``asked_at`` that lacks the orders in ``absent``.

        ``objection`` says what else of it speaks against absence (a trade nobody explains, a
        position that differs); empty when nothing does.
        """
        for case in list(self._cases.get(account, {}).values()):
            if case.client_id not in absent or asked_at - case.since < ns(FIRST_LOOK_S):
                continue
            case.looks = 0 if objection else case.looks + 1
            needed = LOOKS_NEEDED * 2 if case.had_gap else LOOKS_NEEDED
            waited = asked_at - case.since
            if case.looks >= needed and waited >= ns(LATE_VISIBILITY_S):
                self._settle(
                    case.client_id,
                    Trigger.SNAPSHOT_ABSENT,
                    f"absent from {case.looks} complete snapshots, the last "
                    f"{waited / NS_PER_S:.0f} s after it",
                )
            elif waited >= ns(GIVE_UP_S):
                why = objection or f"only {case.looks} of {needed} complete snapshots in time"
                self.give_up(case.client_id, f"no proof within {GIVE_UP_S:.0f} s: {why}")

    def give_up(self, client_id: str, why: str) -> None:
        """Say that nothing can be proven about an order: it is a person's now."""
        self._settle(client_id, Trigger.PROOF_IMPOSSIBLE, why)

    def _poll_later(self, account: str, case: _Case) -> None:
        last = len(POLLS_S) - 1
        wait_s = POLLS_S[min(case.polls, last)] + POLLS_S[-1] * max(0, case.polls - last)
        case.polls += 1
        self._desk.timers.add(case.since + ns(wait_s), lambda: self._poll(account, case))

    def _poll(self, account: str, case: _Case) -> None:
        if self._cases[account].get(case.client_id) is not case:
            return
        waited = (self._desk.now - case.since) / NS_PER_S
        if waited >= GIVE_UP_S + POLLS_S[-1]:
            # Not one complete snapshot came: nothing weighed the case, so time does.
            self.give_up(case.client_id, f"the books could not be read for {waited:.0f} s")
        self._read(account, f"{case.client_id} is in doubt for {waited:.0f} s")
        self._poll_later(account, case)

    def _page(self, order: Order, case: _Case) -> None:
        if self._cases[order.account].get(case.client_id) is case:
            self._desk.alert(
                "critical",
                order.client_id,
                f"{order.key}: an exit of {order.quantity} {order.instrument.symbol} is in doubt "
                f"for {PAGE_EXIT_S:.0f} s; what it should close may still be held. Look at the "
                "broker's order book; `engine resolve` settles it",
            )
