from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.peers import day as days
from benchmarks.peers.legwork import recording
from brokers.angelone import wire
from brokers.replay.recording import Recording
from engine.app import open_recording


def frames_of(opened: Recording) -> list[tuple[int, bytes]]:
    return [
        (at, payload)
        for batch in opened.frames()
        for at, payload in zip(batch.received_at, batch.payloads, strict=True)
    ]


def test_the_day_opens_when_the_exchange_does() -> None:
    opens = datetime.fromtimestamp(days.OPENS_NS / 1e9, UTC)
    assert opens == datetime(2026, 8, 17, 3, 45, tzinfo=UTC)


def test_prices_are_on_the_grid_and_move_by_one_tick_of_it_at_most() -> None:
    day = days.make(30_000, 10, 3)
    for index in range(10):
        prices = day.prices[index::10]
        assert all(price % days.TICK_PAISE == 0 and price > 0 for price in prices)
        steps = {after - before for before, after in pairwise(prices)}
        assert steps == {-days.TICK_PAISE, 0, days.TICK_PAISE}


def test_the_same_arguments_make_the_same_day() -> None:
    assert days.make(500, 5, 1) == days.make(500, 5, 1)
    assert days.make(500, 5, 1) != days.make(500, 5, 2)


def test_every_time_has_its_number() -> None:
    day = days.make(100, 1, 1)
    for number in (0, 1, 99):
        assert day.number_at(day.time_ns(number)) == number
        assert day.number_at(day.time_ns(number) + days.APART_NS - 1) == number


@pytest.mark.parametrize(
    ("ticks", "instruments"), [(100, 0), (100, 101), (100, 3), (10_000_000, 100)]
)
def test_a_day_that_cannot_be_is_refused(ticks: int, instruments: int) -> None:
    with pytest.raises(ValueError, match="whole turns"):
        days.make(ticks, instruments, 1)


def test_a_day_is_read_as_it_was_written(tmp_path: Path) -> None:
    day = days.make(300, 3, 1)
    days.write(day, tmp_path / "day")
    assert days.read(tmp_path / "day") == day


def test_a_day_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "day"
    days.write(days.make(300, 3, 1), path)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match="299 ticks, but its first line says 300"):
        days.read(path)


@pytest.mark.parametrize("books", [False, True])
def test_the_recording_holds_the_same_ticks(tmp_path: Path, *, books: bool) -> None:
    day = days.make(40, 4, 1)
    path = tmp_path / "day.arrow"
    recording.write(day, path, books=books)
    opened = open_recording(path)
    frames = frames_of(opened)
    assert [at for at, _ in frames] == [day.time_ns(number) for number in range(40)]
    for number, (at, payload) in enumerate(frames):
        packet = wire.decode_packet(payload)
        assert packet.last == day.prices[number]
        assert packet.exchange_time_ms == at // 1_000_000
        tick = opened.decoder.tick(payload, at)
        assert tick.instrument is list(opened.catalogue)[number % 4]
        assert tick.last == day.prices[number] / 100
        if books:
            assert (tick.bid, tick.ask) == (
                (day.prices[number] - days.SPREAD_PAISE) / 100,
                (day.prices[number] + days.SPREAD_PAISE) / 100,
            )
        else:
            assert (tick.bid, tick.ask) == (None, None)
