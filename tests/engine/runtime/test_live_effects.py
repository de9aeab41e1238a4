"""What the kernel wants is done beside the loop, and every reading of the books is answered."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from engine.errors import FileError, LoginRequired, OutcomeUnknown
from engine.model.effect import LoadHistory, ReadBooks, Say
from engine.model.event import HistoryLoaded, SnapshotMerged
from engine.model.snapshot import Snapshot
from engine.runtime.clock import VirtualClock
from engine.runtime.live_effects import BOOKS_WITHIN_S, LiveEffects
from engine.testing import nifty_chain
from tests.simulation.loop import VirtualLoop, run_virtual

WHOLE = Snapshot(account="A1", source="t", asked_at=7, orders=())


class Outside:
    """A broker whose books are read as a test says."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.said: list[Say] = []
        self.answer: Snapshot | Exception = WHOLE
        self.after_s = 0.1
        unused: Any = SimpleNamespace()
        self.effects = LiveEffects(
            unused,
            unused,
            SimpleNamespace(under_way=0, close=self._nothing),  # type: ignore[arg-type]
            {"A1": self},  # type: ignore[dict-item]
            self,  # type: ignore[arg-type]
            VirtualClock(5),
            self.events.append,
            self.said.append,
        )

    async def _nothing(self) -> None:
        """There is nothing to close."""

    async def read_books(self, account: str) -> Snapshot:
        assert account == "A1"
        await asyncio.sleep(self.after_s)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def history(self, *_: object) -> Any:
        raise FileError("none is kept")


def read(outside: Outside, for_s: float = 100.0) -> VirtualLoop:
    async def main(loop: VirtualLoop) -> VirtualLoop:
        outside.effects.carry([ReadBooks("A1", "it is time")], 5)
        await asyncio.sleep(for_s)
        return loop

    return run_virtual(main, 2)


def test_a_reading_comes_back_as_an_event() -> None:
    outside = Outside()
    read(outside)
    assert outside.events == [SnapshotMerged(WHOLE)]
    assert outside.effects.under_way == 0


@pytest.mark.parametrize(
    "error", [LoginRequired("log in"), OutcomeUnknown("cut off"), ConnectionResetError("reset")]
)
def test_one_that_fails_is_a_snapshot_that_is_not_complete(error: Exception) -> None:
    outside = Outside()
    outside.answer = error
    assert not read(outside).failures
    (merged,) = outside.events
    assert not merged.snapshot.is_complete
    assert merged.snapshot.why == str(error)
    assert merged.snapshot.asked_at == 5


def test_one_that_never_ends_is_given_up_so_that_the_next_may_be_asked_for() -> None:
    outside = Outside()
    outside.after_s = 1e9
    read(outside, BOOKS_WITHIN_S + 1)
    (merged,) = outside.events
    assert not merged.snapshot.is_complete
    assert merged.snapshot.why == "TimeoutError"
    assert outside.effects.under_way == 0


@pytest.mark.parametrize(
    "answer",
    [KeyError("orderid"), msgspec.structs.replace(WHOLE, account="A2"), None],
    ids=["an adapter's bug", "another account", "nothing"],
)
def test_a_reply_that_an_adapter_trips_over_is_unread_books_and_a_person_is_told(
    answer: Any,
) -> None:
    outside = Outside()
    outside.answer = answer
    for _ in range(2):
        assert not read(outside).failures
    assert [m.snapshot.is_complete for m in outside.events] == [False, False]
    assert all(m.snapshot.account == "A1" for m in outside.events)
    (said,) = outside.said
    assert (said.level, said.subject) == ("critical", "A1")
    assert "count as unread" in said.text
    assert said.text.rpartition(": ")[2] in outside.events[0].snapshot.why


def test_history_that_is_not_there_is_said_and_empty() -> None:
    outside = Outside()
    index = nifty_chain()[0]

    async def main(_: VirtualLoop) -> None:
        outside.effects.carry([LoadHistory(index, "5d")], 5)
        await asyncio.sleep(1)

    run_virtual(main, 2)
    assert outside.events == [HistoryLoaded(index.key, ())]
    assert "none is kept" in outside.said[0].text
