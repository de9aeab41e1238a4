"""Bugs of a kill that comes between an order's release and its first byte."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Any

from engine import live_parts
from engine.core.workbench import Workbench
from engine.model.legs import GroupState
from engine.runtime.sender import Sender
from risk.kill_switch import KillSwitch
from tests.simulation.planted.planting import planted_in, swap

kills = planted_in("kills")


@kills
def the_last_kill_test_is_skipped() -> Iterator[None]:
    yield from swap(live_parts, "barred", lambda *_: "")


@kills
def the_last_kill_test_stands_before_the_connection_alone() -> Iterator[None]:
    transmit = Sender._transmit

    async def unasked(self: Any, *request: Any) -> None:
        deaf = copy(self)
        deaf._bar = lambda _: ""
        await transmit(deaf, *request)

    yield from swap(Sender, "_transmit", unasked)


@kills
def a_kill_keeps_no_exit_from_leaving() -> Iterator[None]:
    barred = live_parts.barred

    def lenient(request: Any, standing: Any) -> str:
        return "" if request.purpose.reduces else barred(request, standing)

    yield from swap(live_parts, "barred", lenient)


@kills
def a_kill_of_an_account_is_never_asked_for() -> Iterator[None]:
    state = KillSwitch.state
    yield from swap(KillSwitch, "state", lambda self, strategy, _: state(self, strategy, ""))


@kills
def a_stuck_group_takes_nothing_back() -> Iterator[None]:
    cancel = Workbench.cancel_working

    def still(self: Any, part: Any, reason: str, *, entries: bool, lane: Any) -> None:
        if part.state is not GroupState.STUCK:
            cancel(self, part, reason, entries=entries, lane=lane)

    yield from swap(Workbench, "cancel_working", still)
