"""Snapshots as SmartStream packets: what was put in is what decoders find."""

from __future__ import annotations

from datetime import date, time

import pytest

from brokers.angelone import BROKER, wire
from brokers.angelone.simulator.packets import SnapshotEncoder, invent_tokens
from brokers.exchange.listings import MarketTerms
from brokers.exchange.seeded_market import SeededMarket
from brokers.exchange.snapshot import MarketSnapshot
from engine.errors import FileError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Kind, Segment
from engine.ports import Decoder
from engine.rules.clock_time import NS_PER_S
from engine.rules.sessions import Sessions

TERMS = MarketTerms(seed=5, trading_date=date(2026, 8, 17), ends=time(9, 17))


@pytest.fixture(scope="module")
def market() -> SeededMarket:
    return SeededMarket(TERMS, Sessions())


@pytest.fixture(scope="module")
def sent(market: SeededMarket) -> list[tuple[MarketSnapshot, bytes]]:
    encode = SnapshotEncoder(invent_tokens(market.listings)).encode
    return [(snapshot, encode(snapshot)) for snapshot in market.snapshots()]


@pytest.fixture(scope="module")
def decoder(market: SeededMarket) -> Decoder:
    assert BROKER.decoder is not None
    catalogue = Catalogue.of(market.listings)
    return BROKER.decoder(catalogue, invent_tokens(market.listings), "angel")


def test_the_index_has_its_real_token_and_the_rest_five_invented_digits(
    market: SeededMarket,
) -> None:
    rows = invent_tokens(market.listings)
    assert rows[0] == (Segment.NSE_CM, "99926000", "nse_cm/NIFTY/INDEX")
    tokens = [row.token for row in rows[1:]]
    assert all(len(token) == 5 and token.isdigit() for token in tokens)
    assert len(set(tokens)) == len(tokens)
    assert [row.key for row in rows] == [facts.key for facts in market.listings]


def test_an_index_without_a_known_token_is_an_error() -> None:
    facts = InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.INDEX, underlying="NIFTYALPHA50")
    with pytest.raises(FileError, match="no token is known for the index NIFTYALPHA50"):
        invent_tokens([facts])


def test_an_index_is_a_quote_packet_without_sequence_and_the_rest_are_snap_quotes(
    sent: list[tuple[MarketSnapshot, bytes]],
) -> None:
    assert {len(frame) for snapshot, frame in sent if snapshot.listing == 0} == {123}
    assert {len(frame) for snapshot, frame in sent if snapshot.listing} == {379}
    for snapshot, frame in sent:
        if snapshot.listing == 0:
            record = wire.decode(frame)
            assert isinstance(record, wire.Quote)
            assert record.sequence == record.volume == record.last_quantity == 0
            assert record.total_buy_quantity == record.total_sell_quantity == 0.0
            assert record.low <= record.last <= record.high


def test_the_wire_records_hold_what_the_snapshots_say(
    sent: list[tuple[MarketSnapshot, bytes]],
) -> None:
    for s, frame in sent:
        if not s.listing:
            continue
        record = wire.decode(frame)
        assert isinstance(record, wire.SnapQuote)
        assert record.sequence == s.sequence
        assert record.exchange_time_ms == s.exchange_time_s * 1000
        assert (record.last, record.last_quantity) == (s.last, s.last_quantity)
        assert (record.average_price, record.volume) == (s.average, s.volume)
        assert (record.total_buy_quantity, record.total_sell_quantity) == (
            s.total_buy,
            s.total_sell,
        )
        assert (record.open, record.high, record.low) == (s.open, s.high, s.low)
        assert record.close == s.previous_close
        assert (record.last_trade_time_s, record.open_interest) == (s.last_trade_s, s.open_interest)
        assert record.untrusted_open_interest_change_pct == s.open_interest_change_pct
        assert (record.upper_circuit, record.lower_circuit) == (s.upper_circuit, s.lower_circuit)
        assert (record.year_high, record.year_low) == (s.year_high, s.year_low)
        for rows, levels in ((record.bids, s.bids), (record.asks, s.asks)):
            assert len(rows) == 5
            shown = [(r.price, r.quantity, r.orders) for r in rows if r.price]
            assert shown == [tuple(level) for level in levels]


def test_every_frame_becomes_a_tick_and_a_book_of_the_same_figures(
    market: SeededMarket, sent: list[tuple[MarketSnapshot, bytes]], decoder: Decoder
) -> None:
    for s, frame in sent:
        tick = decoder.tick(frame, s.received_at)
        assert tick is not None
        assert tick.instrument.key == market.listings[s.listing].key
        assert tick.last == s.last / 100
        assert tick.exchange_time == s.exchange_time_s * NS_PER_S
        depth = decoder.depth(frame, s.received_at)
        if s.listing == 0:
            assert depth is None
            assert tick.bid is tick.ask is tick.volume is tick.last_qty is None
            continue
        assert tick.instrument.ticks(tick.last) > 0
        assert tick.bid == (s.bids[0].price / 100 if s.bids else None)
        assert tick.ask == s.asks[0].price / 100
        assert (tick.volume, tick.open_interest) == (s.volume, s.open_interest)
        assert depth is not None
        assert [level.quantity for level in depth.bids] == [level.quantity for level in s.bids]
        assert [level.price for level in depth.asks] == [level.price / 100 for level in s.asks]
