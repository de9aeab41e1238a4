"""A synthetic session looks like a market: repeatable, on the grid, priced in one piece, alive."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, time
from itertools import pairwise
from statistics import fmean

import pytest

from brokers.exchange.listings import MarketTerms
from brokers.exchange.seeded_market import SeededMarket
from brokers.exchange.smile import deviations
from brokers.exchange.snapshot import MarketSnapshot
from engine.model.catalogue import InstrumentFacts
from engine.model.instrument import Kind, Right
from engine.rules import black76
from engine.rules.clock_time import NS_PER_S, at_ns
from engine.rules.contracts import expiry_ns
from engine.rules.sessions import Sessions

DAY = date(2026, 8, 17)
NEAREST, MONTHLY = date(2026, 8, 18), date(2026, 8, 25)
TERMS = MarketTerms(seed=11, trading_date=DAY, ends=time(9, 40))
SESSIONS = Sessions()
OPENS = at_ns(DAY, time(9, 15))


def make(**changed: object) -> list[MarketSnapshot]:
    terms = dataclasses.replace(TERMS, **changed)  # type: ignore[arg-type]
    return list(SeededMarket(terms, SESSIONS).snapshots())


@pytest.fixture(scope="module")
def market() -> SeededMarket:
    return SeededMarket(TERMS, SESSIONS)


@pytest.fixture(scope="module")
def shown(market: SeededMarket) -> list[MarketSnapshot]:
    return list(market.snapshots())


@pytest.fixture(scope="module")
def by_listing(shown: list[MarketSnapshot]) -> dict[int, list[MarketSnapshot]]:
    found = defaultdict(list)
    for snapshot in shown:
        found[snapshot.listing].append(snapshot)
    return found


def options(market: SeededMarket) -> list[tuple[int, InstrumentFacts]]:
    return [(i, f) for i, f in enumerate(market.listings) if f.kind is Kind.OPTION]


def strike(facts: InstrumentFacts) -> float:
    assert facts.strike is not None
    return float(facts.strike)


def mid(snapshot: MarketSnapshot) -> float:
    return (snapshot.bids[0].price + snapshot.asks[0].price) / 200.0


def test_the_same_seed_shows_the_same_and_another_seed_another() -> None:
    brief = make(ends=time(9, 16))
    assert make(ends=time(9, 16)) == brief
    assert make(ends=time(9, 16), seed=12) != brief


def test_a_later_window_is_a_part_of_the_same_session(shown: list[MarketSnapshot]) -> None:
    part = make(begins=time(9, 17), ends=time(9, 18))
    start = shown.index(part[0])
    assert shown[start : start + len(part)] == part
    assert (part[0].exchange_time_s, part[-1].exchange_time_s) == (
        OPENS // NS_PER_S + 120,
        OPENS // NS_PER_S + 179,
    )


def test_more_strikes_do_not_change_the_index() -> None:
    few = [s.last for s in make(ends=time(9, 17), strikes=2) if s.listing == 0]
    market = SeededMarket(dataclasses.replace(TERMS, strikes=20), SESSIONS)
    path = SeededMarket(dataclasses.replace(TERMS, strikes=2), SESSIONS)
    times = [OPENS + second * NS_PER_S for second in range(120)]
    assert [market.underlying.spot(t) for t in times] == [path.underlying.spot(t) for t in times]
    assert few[0] == pytest.approx(2_430_000, abs=500)


def test_snapshots_arrive_in_order_and_after_they_happened(shown: list[MarketSnapshot]) -> None:
    for before, after in pairwise(shown):
        assert after.received_at > before.received_at
    for snapshot in shown:
        late = snapshot.received_at - snapshot.exchange_time_s * NS_PER_S
        assert 0 < late < 2 * NS_PER_S


def test_sequences_grow_and_an_index_has_none(by_listing: dict[int, list[MarketSnapshot]]) -> None:
    assert {s.sequence for s in by_listing[0]} == {0}
    for listing, snapshots in by_listing.items():
        if listing:
            assert all(b.sequence > a.sequence > 0 for a, b in pairwise(snapshots))


def test_every_contract_is_shown_within_the_first_seconds(
    market: SeededMarket, by_listing: dict[int, list[MarketSnapshot]]
) -> None:
    assert sorted(by_listing) == list(range(len(market.listings)))
    for snapshots in by_listing.values():
        assert snapshots[0].received_at < OPENS + 3 * NS_PER_S
        assert snapshots[0].last > 0


def test_an_index_has_a_day_range_and_nothing_else(
    by_listing: dict[int, list[MarketSnapshot]],
) -> None:
    for s in by_listing[0]:
        assert s.low <= s.last <= s.high
        assert s.low <= s.open <= s.high
        assert s.last % 5 == 0
        assert s.previous_close > 0
        nothing = (s.last_quantity, s.average, s.volume, s.total_buy, s.total_sell, s.open_interest)
        assert nothing == (0,) * 6
        assert s.bids == s.asks == ()


def test_books_lie_on_the_grid_in_whole_lots_and_never_cross(
    market: SeededMarket, shown: list[MarketSnapshot]
) -> None:
    for s in shown:
        facts = market.listings[s.listing]
        if facts.kind is Kind.INDEX:
            continue
        tick = int(facts.tick_size * 100)
        assert s.asks
        if s.bids:
            assert s.bids[0].price < s.asks[0].price
        for level in s.bids + s.asks:
            assert level.price > 0
            assert level.price % tick == 0
            assert level.quantity % facts.lot_size == 0
            assert 1 <= level.orders <= level.quantity // facts.lot_size
        assert s.total_buy >= sum(level.quantity for level in s.bids)
        assert s.total_sell >= sum(level.quantity for level in s.asks)
        assert s.lower_circuit <= s.last <= s.upper_circuit
        for price in (s.last, s.open, s.high, s.low, s.previous_close, s.upper_circuit):
            assert price > 0
            assert price % tick == 0


def test_the_day_grows_print_by_print(by_listing: dict[int, list[MarketSnapshot]]) -> None:
    for listing, snapshots in by_listing.items():
        if not listing:
            continue
        for before, after in pairwise(snapshots):
            assert after.volume >= before.volume
            assert after.high >= before.high
            assert after.low <= before.low
            assert after.open == before.open
            assert after.last_trade_s >= before.last_trade_s
            if after.volume == before.volume:
                assert after.last == before.last
                assert after.average == before.average
            else:
                floor = after.bids[0].price if after.bids else after.asks[0].price
                assert floor <= after.last <= after.asks[0].price
                assert after.last_trade_s == after.exchange_time_s
                value = after.average * after.volume - before.average * before.volume
                assert after.low <= value / (after.volume - before.volume) + 2 * after.volume / (
                    after.volume - before.volume
                )
        for s in snapshots:
            assert s.low <= s.last <= s.high
            assert s.low <= s.average <= s.high
            assert s.year_low <= s.low
            assert s.high <= s.year_high


def test_packets_come_three_times_as_often_and_spreads_are_wider_at_the_open(
    by_listing: dict[int, list[MarketSnapshot]],
) -> None:
    def between(listing: int, first: time, last: time) -> list[MarketSnapshot]:
        low, high = at_ns(DAY, first), at_ns(DAY, last)
        return [s for s in by_listing[listing] if low <= s.received_at < high]

    early = sum(len(between(i, time(9, 15), time(9, 16))) for i in (0, 1))
    later = sum(len(between(i, time(9, 30), time(9, 31))) for i in (0, 1))
    assert 2.3 < early / later < 3.8

    def spread(snapshots: Sequence[MarketSnapshot]) -> float:
        return fmean(s.asks[0].price - s.bids[0].price for s in snapshots)

    assert spread(between(1, time(9, 15), time(9, 16))) > 1.5 * spread(
        between(1, time(9, 30), time(9, 35))
    )


def test_far_strikes_are_quiet_and_near_ones_are_not(
    market: SeededMarket, by_listing: dict[int, list[MarketSnapshot]]
) -> None:
    minutes = 25.0
    gaps: dict[int, float] = {}
    for listing, facts in options(market):
        if facts.expiry == NEAREST and facts.right is Right.CALL:
            gaps[int(strike(facts))] = minutes * 60.0 / len(by_listing[listing])
    assert gaps[24_300] < 1.8
    assert gaps[24_400] < 2.5
    assert gaps[23_800] > 8.0
    assert gaps[24_800] > 8.0
    assert max(gaps.values()) < 60.0


def test_an_option_that_strategies_hold_is_never_silent_for_five_seconds(
    market: SeededMarket, by_listing: dict[int, list[MarketSnapshot]]
) -> None:
    # From 0.8 deviations in the money (a short that went wrong) to 1.4 out of it (a wing).
    expires = expiry_ns(NEAREST, SESSIONS)
    gaps = []
    for listing, facts in options(market):
        if facts.expiry != NEAREST:
            continue
        sign = 1.0 if facts.right is Right.CALL else -1.0
        for before, after in pairwise(by_listing[listing]):
            now = before.exchange_time_s * NS_PER_S
            forward = market.underlying.forward(now, expires)
            years = black76.years_between(now, expires)
            if -0.8 < sign * deviations(0.125, forward, strike(facts), years) < 1.4:
                gaps.append(after.received_at - before.received_at)
    assert len(gaps) > 5_000
    assert max(gaps) < 5 * NS_PER_S


def test_calls_and_puts_agree_on_the_forward_and_the_future_with_them(
    market: SeededMarket, by_listing: dict[int, list[MarketSnapshot]]
) -> None:
    carry = market.terms.carry
    closes = {expiry: expiry_ns(expiry, SESSIONS) for expiry in (NEAREST, MONTHLY)}
    chains = {(f.expiry, strike(f), f.right): i for i, f in options(market)}
    misses = []
    for k in (24_200.0, 24_250.0, 24_300.0, 24_350.0, 24_400.0):
        calls = by_listing[chains[NEAREST, k, Right.CALL]]
        puts = iter(by_listing[chains[NEAREST, k, Right.PUT]])
        put = next(puts)
        futures = iter(by_listing[1])
        future = next(futures)
        for call in calls:
            while put.received_at < call.received_at - NS_PER_S // 10:
                if (following := next(puts, None)) is None:
                    break
                put = following
            while future.received_at < call.received_at - NS_PER_S // 10:
                if (another := next(futures, None)) is None:
                    break
                future = another
            apart = max(
                abs(call.received_at - put.received_at), abs(call.received_at - future.received_at)
            )
            if apart > NS_PER_S // 5:
                continue
            now = call.received_at
            grown = 1 + carry * black76.years_between(now, closes[NEAREST])
            forward = (
                mid(future) * grown / (1 + carry * black76.years_between(now, closes[MONTHLY]))
            )
            misses.append(mid(call) - mid(put) - (forward - k))
            spreads = sum(s.asks[0].price - s.bids[0].price for s in (call, put, future)) / 200.0
            # A fifth of a second of index is about a point; five deviations, and the spreads.
            assert abs(misses[-1]) < spreads + 6.0
    assert len(misses) > 100
    assert fmean(misses) == pytest.approx(0.0, abs=0.25)


def test_volatilities_read_from_the_books_smile(
    market: SeededMarket, by_listing: dict[int, list[MarketSnapshot]]
) -> None:
    expires = expiry_ns(NEAREST, SESSIONS)
    vols: dict[float, float] = {}
    for listing, facts in options(market):
        if facts.expiry != NEAREST or facts.right is None:
            continue
        k = strike(facts)
        out_of_the_money = Right.CALL if k >= 24_300 else Right.PUT
        if facts.right is not out_of_the_money:
            continue
        found = []
        for s in by_listing[listing][-40:]:
            now = s.exchange_time_s * NS_PER_S
            forward = market.underlying.forward(now, expires)
            years = black76.years_between(now, expires)
            vol = black76.implied_vol(facts.right, forward, k, years, mid(s))
            if vol is not None:
                found.append(vol)
        vols[k] = fmean(found)
    assert 0.11 < vols[24_300.0] < 0.15
    assert vols[24_000.0] > vols[24_150.0] > vols[24_300.0]
    assert vols[24_000.0] > vols[24_600.0]
    assert vols[24_800.0] > vols[24_500.0]


def test_open_interest_and_volume_gather_where_traders_do(
    market: SeededMarket, by_listing: dict[int, list[MarketSnapshot]]
) -> None:
    volume = {(f.expiry, strike(f), f.right): by_listing[i][-1].volume for i, f in options(market)}
    near = volume[NEAREST, 24_300.0, Right.CALL]
    assert near > 20 * volume[NEAREST, 23_800.0, Right.CALL]
    assert near > 5 * volume[MONTHLY, 24_300.0, Right.CALL]
    interest = [s.open_interest for s in by_listing[1]]
    assert 10 < len(set(interest)) < 40


def test_a_session_on_an_expiry_day_runs_to_its_close() -> None:
    shown = make(
        trading_date=NEAREST, begins=time(15, 38), ends=time(15, 40), strikes=3, next_strikes=1
    )
    assert shown
    last = {s.listing: s for s in shown}
    assert all(s.asks for listing, s in last.items() if listing)
