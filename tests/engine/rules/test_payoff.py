"""Payoffs at expiry: against the definition of each contract, price by price."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import OffGrid
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Instrument, Kind, Right, Segment
from engine.model.payoff import UNBOUNDED, Payoff, PayoffLeg, is_more, rupees_text
from engine.rules.payoff import leg_at, payoff

NEAR, FAR = date(2026, 8, 25), date(2026, 9, 29)
CATALOGUE = Catalogue()
STRIKES = range(24_000, 24_650, 50)


def add(
    kind: Kind, underlying: str = "NIFTY", segment: Segment = Segment.NSE_FO, **terms: object
) -> Instrument:
    return CATALOGUE.intern(
        InstrumentFacts(segment=segment, kind=kind, underlying=underlying, lot_size=65, **terms)  # type: ignore[arg-type]
    )


def option(strike: int, right: Right, expiry: date = NEAR, **terms: object) -> Instrument:
    return add(Kind.OPTION, strike=Decimal(strike), right=right, expiry=expiry, **terms)


def call(strike: int, **terms: object) -> Instrument:
    return option(strike, Right.CALL, **terms)  # type: ignore[arg-type]


def put(strike: int, **terms: object) -> Instrument:
    return option(strike, Right.PUT, **terms)  # type: ignore[arg-type]


FUTURE = add(Kind.FUTURE, expiry=NEAR)
INDEX = add(Kind.INDEX, segment=Segment.NSE_CM)


def of(*legs: tuple[Instrument, int, str]) -> Payoff:
    return payoff(leg_at(instrument, units, Decimal(price)) for instrument, units, price in legs)


def by_definition(legs: list[tuple[Instrument, int, Decimal]], settlement: Decimal) -> Decimal:
    """What each contract pays, less what it cost."""
    total = Decimal(0)
    for instrument, units, price in legs:
        if instrument.kind is Kind.FUTURE:
            worth = settlement
        elif instrument.right is Right.CALL:
            worth = max(settlement - (instrument.strike or 0), Decimal(0))
        else:
            worth = max((instrument.strike or 0) - settlement, Decimal(0))
        total += units * (worth - price)
    return total


contracts = st.one_of(
    st.just(FUTURE),
    st.builds(option, st.sampled_from(list(STRIKES)), st.sampled_from(list(Right))),
)
legs_of_a_group = st.lists(
    st.tuples(
        contracts,
        st.integers(-4, 4).map(lambda lots: lots * 65),
        st.integers(1, 20_000).map(lambda ticks: ticks * Decimal("0.05")),
    ),
    min_size=1,
    max_size=6,
)


class TestKnown:
    def test_a_sold_straddle(self) -> None:
        found = of((call(24_300), -65, "120.50"), (put(24_300), -65, "110"))
        assert found.max_profit_inr == Decimal("14982.50")
        assert found.max_loss_inr is UNBOUNDED
        assert found.breakevens == (Decimal("24069.50"), Decimal("24530.50"))
        assert found.at(Decimal(24_300)) == Decimal("14982.50")
        assert found.at(24_400.5) == Decimal("14982.50") - 65 * Decimal("100.5")

    def test_an_iron_condor(self) -> None:
        found = of(
            (put(24_000), 65, "20"),
            (put(24_100), -65, "35"),
            (call(24_500), -65, "40"),
            (call(24_600), 65, "18"),
        )
        assert found.max_profit_inr == 65 * 37
        assert found.max_loss_inr == 65 * 63
        assert found.breakevens == (24_063, 24_537)

    def test_a_bought_option_loses_its_premium_at_most(self) -> None:
        found = of((call(24_300), 65, "120"))
        assert found.max_profit_inr is UNBOUNDED
        assert found.max_loss_inr == 7_800
        assert found.breakevens == (24_420,)

    def test_a_sold_put_can_lose_its_strike_and_no_more(self) -> None:
        found = of((put(24_300), -65, "110"))
        assert found.max_loss_inr == 65 * (24_300 - 110)
        assert found.max_profit_inr == 65 * 110
        assert found.breakevens == (24_190,)

    def test_a_future_has_an_end_below_and_none_above(self) -> None:
        bought, sold = of((FUTURE, 65, "24310")), of((FUTURE, -65, "24310"))
        assert bought.max_profit_inr is UNBOUNDED
        assert bought.max_loss_inr == 65 * 24_310
        assert sold.max_loss_inr is UNBOUNDED
        assert sold.max_profit_inr == 65 * 24_310
        assert bought.breakevens == sold.breakevens == (24_310,)

    def test_a_future_covers_what_is_sold_against_it(self) -> None:
        found = of((FUTURE, 65, "24310"), (call(24_500), -65, "40"))
        assert found.max_profit_inr == 65 * 230
        assert found.max_loss_inr == 65 * 24_270

    def test_a_ratio_breaks_even_where_the_division_ends(self) -> None:
        found = of((call(24_300), 65, "120"), (call(24_500), -130, "45"))
        assert found.max_loss_inr is UNBOUNDED
        assert found.breakevens == (24_330, 24_670)

    def test_a_sure_profit_and_a_sure_loss_have_no_breakeven(self) -> None:
        box = [(call(24_300), 65), (call(24_400), -65), (put(24_300), -65), (put(24_400), 65)]
        cheap = of(
            *(
                (i, units, price)
                for (i, units), price in zip(box, ["120", "60", "80", "110"], strict=True)
            )
        )
        assert (cheap.max_profit_inr, cheap.max_loss_inr) == (65 * 10, -65 * 10)
        assert cheap.breakevens == ()
        dear = of(
            *(
                (i, units, price)
                for (i, units), price in zip(box, ["130", "50", "70", "110"], strict=True)
            )
        )
        assert (dear.max_profit_inr, dear.max_loss_inr) == (-65 * 20, 65 * 20)

    def test_a_free_spread_breaks_even_where_it_begins_to_earn(self) -> None:
        found = of((call(24_300), 65, "50"), (call(24_400), -65, "50"))
        assert found.max_loss_inr == 0
        assert found.breakevens == (24_300,)

    def test_a_corner_that_just_touches_nothing_breaks_even_there(self) -> None:
        found = of((call(24_300), -65, "50"), (put(24_300), -65, "50"), (call(24_300), 1, "6500"))
        assert found.at(24_300) == 0
        assert found.breakevens == (24_300,)


class TestSeveralSettlements:
    def test_a_calendar_spread_is_two_payoffs_and_no_model(self) -> None:
        later = call(24_300, expiry=FAR)
        found = of((call(24_300), -65, "120"), (later, 65, "300"))
        near, far = found.parts
        assert (near.expiry, far.expiry) == (NEAR, FAR)
        assert near.max_loss_inr is UNBOUNDED
        assert far.max_loss_inr == 65 * 300
        assert found.max_loss_inr is UNBOUNDED
        assert found.breakevens == ()
        with pytest.raises(OffGrid, match="settles at 2 prices"):
            found.at(24_300)

    def test_ends_of_independent_parts_add_up(self) -> None:
        other = put(50_000, underlying="BANKNIFTY")
        found = of((put(24_300), -65, "110"), (other, 65, "300"))
        assert found.max_loss_inr == 65 * (24_300 - 110) + 65 * 300
        assert found.max_profit_inr == 65 * 110 + 65 * (50_000 - 300)

    def test_shares_go_with_the_options_on_them(self) -> None:
        share = add(Kind.EQUITY, "SBIN", Segment.NSE_CM)
        sold = call(800, underlying="SBIN")
        covered = of((share, 65, "790"), (sold, -65, "12"))
        assert len(covered.parts) == 1
        assert covered.max_profit_inr == 65 * 22
        assert covered.max_loss_inr == 65 * 778
        assert covered.breakevens == (778,)
        later = put(800, underlying="SBIN", expiry=FAR)
        apart = of((share, 65, "790"), (sold, -65, "12"), (later, 65, "30"))
        assert [part.expiry for part in apart.parts] == [None, NEAR, FAR]
        assert apart.max_loss_inr is UNBOUNDED

    def test_the_two_exchanges_settle_by_themselves(self) -> None:
        elsewhere = call(24_300, segment=Segment.BSE_FO)
        found = of((call(24_300), -65, "120"), (elsewhere, 65, "118"))
        assert len(found.parts) == 2
        assert found.max_loss_inr is UNBOUNDED


class TestByDefinition:
    @given(legs_of_a_group)
    def test_every_price_of_a_grid(self, legs: list[tuple[Instrument, int, Decimal]]) -> None:
        found = payoff(leg_at(*leg) for leg in legs)
        prices = [Decimal(p) / 2 for p in range(2 * 23_800, 2 * 24_900, 37)]
        for settlement in [Decimal(0), *map(Decimal, STRIKES), *prices, Decimal(10**6)]:
            assert found.at(settlement) == by_definition(legs, settlement)

    @given(legs_of_a_group)
    def test_no_price_is_beyond_the_ends_and_each_end_is_reached(
        self, legs: list[tuple[Instrument, int, Decimal]]
    ) -> None:
        found = payoff(leg_at(*leg) for leg in legs)
        slope = by_definition(legs, Decimal(10**7)) - by_definition(legs, Decimal(10**7 - 1))
        corners = [by_definition(legs, Decimal(k)) for k in (0, *STRIKES)]
        assert found.max_profit_inr == (UNBOUNDED if slope > 0 else max(corners))
        assert found.max_loss_inr == (UNBOUNDED if slope < 0 else -min(corners))

    @given(legs_of_a_group)
    def test_between_breakevens_the_sign_stays(
        self, legs: list[tuple[Instrument, int, Decimal]]
    ) -> None:
        found = payoff(leg_at(*leg) for leg in legs)
        points = found.breakevens
        assert list(points) == sorted(set(points))
        for point in points:
            # Exact, or 28 digits of it.
            assert abs(by_definition(legs, point)) < Decimal("1e-15")
        tiny = Decimal("1e-9")
        for low, high in pairwise([Decimal(0), *points, Decimal(10**7)]):
            inside = [k for k in map(Decimal, (0, *STRIKES)) if low + tiny < k < high - tiny]
            probes = [low + tiny, *inside, high - tiny, (low + high) / 2]
            signs = {(p > 0) - (p < 0) for p in (by_definition(legs, at) for at in probes if at)}
            assert len(signs) <= 1, (low, high, signs)

    @given(legs_of_a_group)
    def test_quantities_of_one_contract_may_come_in_pieces(
        self, legs: list[tuple[Instrument, int, Decimal]]
    ) -> None:
        twice = [leg_at(i, units, price) for i, units, price in legs for _ in range(2)]
        doubled = [leg_at(i, 2 * units, price) for i, units, price in legs]
        assert payoff(twice) == payoff(doubled)


class TestRefused:
    def test_nothing(self) -> None:
        with pytest.raises(OffGrid, match="at least one leg"):
            payoff([])

    def test_an_index(self) -> None:
        with pytest.raises(OffGrid, match="NIFTY is an index"):
            payoff([PayoffLeg(INDEX, 1, Decimal(0))])

    @pytest.mark.parametrize("price", ["-1", "NaN", "Infinity"])
    def test_a_price_nothing_settles_at(self, price: str) -> None:
        with pytest.raises(OffGrid, match="cannot settle at"):
            of((FUTURE, 65, "24310")).at(Decimal(price))


def test_amounts_are_read_and_compared_with_their_end() -> None:
    assert rupees_text(UNBOUNDED) == "unbounded"
    assert rupees_text(Decimal("123456.5")) == "Rs 1,23,456.50"
    assert rupees_text(Decimal(6500)) == "Rs 6,500"
    assert is_more(UNBOUNDED, Decimal(10**12))
    assert is_more(Decimal(6), Decimal(5))
    assert not is_more(Decimal(5), Decimal(5))
