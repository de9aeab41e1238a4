"""The committed morning: small, whole, synthetic, made again from its own header, eventful."""

from __future__ import annotations

from datetime import date, time
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from brokers.angelone import BROKER
from brokers.angelone.normalize import TWIN, make_decoder
from brokers.angelone.simulator.packets import SnapshotEncoder, invent_tokens
from brokers.exchange.listings import MarketTerms
from brokers.exchange.seeded_market import GENERATOR, SeededMarket
from engine.model.instrument import Right
from engine.native import Implementation
from engine.rules.clock_time import at_ns
from engine.rules.sessions import Sessions
from engine.sessionlog.reader import SessionLog

PATH = Path(__file__).resolve().parents[2] / "recordings" / "nifty-open.arrow"
DAY = date(2026, 8, 17)


@pytest.fixture(scope="module")
def log() -> SessionLog:
    return SessionLog.open(PATH)


def test_it_is_small_whole_and_says_that_it_is_synthetic(log: SessionLog) -> None:
    assert PATH.stat().st_size <= 8_000_000
    assert log.is_compacted
    log.require_intact()
    assert log.header.synthetic is not None
    assert log.header.synthetic.generator == GENERATOR
    assert log.header.cadence_s == 1.0


def test_its_header_makes_the_same_frames_again(log: SessionLog) -> None:
    synthetic = log.header.synthetic
    assert synthetic is not None
    terms = msgspec.convert(synthetic.parameters, MarketTerms)
    assert terms.seed == synthetic.seed
    market = SeededMarket(terms, Sessions())
    tokens = invent_tokens(market.listings)
    assert tuple(market.listings) == log.header.instruments
    assert tokens == log.header.sources[0].tokens
    encode = SnapshotEncoder(tokens).encode
    made, kept = sha256(), sha256()
    for snapshot in market.snapshots():
        made.update(snapshot.received_at.to_bytes(8, "little") + encode(snapshot))
    for batch in log.frame_batches():
        for received_at, payload in zip(batch.received_at, batch.payloads, strict=True):
            kept.update(received_at.to_bytes(8, "little") + payload)
    assert made.hexdigest() == kept.hexdigest()


def test_the_morning_has_what_its_strategies_look_for(log: SessionLog) -> None:
    catalogue = log.header.catalogue()
    source = log.header.sources[0]
    assert BROKER.decoder is not None
    decoder = BROKER.decoder(catalogue, source.tokens, source.name)
    future = catalogue.future("NIFTY")
    expiry = catalogue.expiries("NIFTY")[0]
    # The index stands at 24,262 at 09:20.
    pair = [i for i in catalogue.options("NIFTY", expiry) if i.strike == 24_250]
    assert [i.right for i in pair] == [Right.CALL, Right.PUT]
    half_past, sold = at_ns(DAY, time(9, 30)), at_ns(DAY, time(9, 20))
    opening: list[float] = []
    later: list[float] = []
    last = dict.fromkeys(pair, 0.0)
    entry = dearest = 0.0
    for batch in log.frame_batches():
        for received_at, payload in zip(batch.received_at, batch.payloads, strict=True):
            tick = decoder.tick(payload, received_at)
            assert tick is not None
            if tick.instrument is future:
                (opening if received_at < half_past else later).append(tick.last)
            elif tick.instrument in last:
                last[tick.instrument] = tick.last
                premium = sum(last.values())
                if received_at < sold:
                    entry = premium
                dearest = max(dearest, premium) if received_at >= sold else 0.0
    # A breakout of the opening range that trends, and comes back.
    peak = max(later)
    assert peak > 1.003 * max(opening)
    assert min(later[later.index(peak) :]) < peak * 0.997
    # A straddle sold at 09:20 meets a stop of 25 percent.
    assert dearest > 1.25 * entry


def test_both_decoders_read_the_same_ticks_in_it(log: SessionLog) -> None:
    if why := TWIN.why_not():
        pytest.skip(f"the compiled decoder is not here: {why}")
    catalogue, source = log.header.catalogue(), log.header.sources[0]
    python, compiled = (
        make_decoder(catalogue, source.tokens, source.name, implementation)
        for implementation in (Implementation.PYTHON, Implementation.COMPILED)
    )
    for batch in log.frame_batches():
        for received_at, payload in zip(batch.received_at, batch.payloads, strict=True):
            wanted, got = (d.tick(payload, received_at) for d in (python, compiled))
            assert wanted is not None
            assert got == wanted
