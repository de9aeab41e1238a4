"""A recording is read one batch ahead: nothing else about it changes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from engine.errors import RecordingError
from engine.runtime.read_ahead import read_ahead


class Recording:
    """Batches 1, 2, ... up to ``most``; ``asked`` is how many were. It may be damaged there."""

    def __init__(self, most: int, *, is_damaged: bool = False) -> None:
        self.most = most
        self.is_damaged = is_damaged
        self.asked = 0
        self.threads: set[int] = set()

    def batches(self) -> Iterator[int]:
        while True:
            self.asked += 1
            self.threads.add(threading.get_ident())
            if self.asked > self.most:
                if self.is_damaged:
                    raise RecordingError("batch 3 is damaged")
                return
            yield self.asked


async def test_everything_comes_in_order() -> None:
    recording = Recording(5)
    assert [batch async for batch in read_ahead(recording.batches())] == [1, 2, 3, 4, 5]
    assert threading.get_ident() not in recording.threads


async def test_a_recording_without_batches_has_none() -> None:
    assert [batch async for batch in read_ahead(Recording(0).batches())] == []


async def test_one_more_is_asked_for_than_was_handed_out() -> None:
    recording = Recording(9)
    async with aclosing(read_ahead(recording.batches())) as ahead:
        assert await anext(ahead) == 1
        assert await anext(ahead) == 2
    assert recording.asked == 3


async def test_damage_comes_where_its_batch_would_have() -> None:
    ahead = read_ahead(Recording(2, is_damaged=True).batches())
    assert [await anext(ahead), await anext(ahead)] == [1, 2]
    with pytest.raises(RecordingError, match="batch 3 is damaged"):
        await anext(ahead)


async def test_one_left_early_has_read_what_it_asked_for_when_it_returns() -> None:
    recording = Recording(2, is_damaged=True)
    async with aclosing(read_ahead(recording.batches())) as ahead:
        assert await anext(ahead) == 1
        assert await anext(ahead) == 2
    assert recording.asked == 3
