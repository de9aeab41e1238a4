from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.ledger import Ledger
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Instrument, Kind, Segment
from engine.model.market import Tick
from engine.model.order import Fill, Product
from engine.model.side import Side

CATALOGUE = Catalogue.of(
    [
        InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.EQUITY, underlying="INFY"),
        InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.EQUITY, underlying="TCS"),
        InstrumentFacts(
            segment=Segment.NSE_FO,
            kind=Kind.FUTURE,
            underlying="NIFTY",
            expiry=date(2026, 8, 25),
            lot_size=65,
        ),
    ]
)
INFY, TCS, NIFTY = CATALOGUE
BUY, SELL = Side.BUY, Side.SELL
MIS, NRML = Product.INTRADAY, Product.CARRYFORWARD


def fill(
    side: Side,
    quantity: int,
    price: str | Decimal,
    *,
    instrument: Instrument = INFY,
    account: str = "a",
    strategy: str = "s",
    group: str = "s.g.1",
    product: Product = MIS,
    exact_value: Decimal | None = None,
) -> Fill:
    return Fill(
        client_id="LW",
        group_id=group,
        strategy=strategy,
        account=account,
        instrument=instrument,
        side=side,
        product=product,
        quantity=quantity,
        price=Decimal(price),
        at=1,
        filled_before=0,
        exact_value=exact_value,
    )


def ledger_of(*fills: Fill) -> Ledger:
    ledger = Ledger()
    for one in fills:
        ledger.apply(one)
    return ledger


def ticks_at(*lasts: float | None) -> list[Tick | None]:
    return [
        None if last is None else Tick(instrument, "t", last, 1, 1)
        for instrument, last in zip(CATALOGUE, lasts, strict=True)
    ]


def test_what_is_bought_is_held_at_its_mean_cost() -> None:
    position = ledger_of(fill(BUY, 10, "100"), fill(BUY, 30, "104")).position("a", INFY, MIS)
    assert (position.quantity, position.average_price) == (40, Decimal(103))
    assert (position.bought_quantity, position.bought_value_inr) == (40, Decimal(4120))
    assert position.realised_inr == 0


def test_closing_a_part_realises_that_part() -> None:
    position = ledger_of(fill(BUY, 40, "103"), fill(SELL, 10, "110")).position("a", INFY, MIS)
    assert (position.quantity, position.average_price) == (30, Decimal(103))
    assert position.realised_inr == Decimal(70)
    assert (position.sold_quantity, position.sold_value_inr) == (10, Decimal(1100))


def test_a_short_earns_when_it_is_bought_back_cheaper() -> None:
    position = ledger_of(fill(SELL, 65, "120.5"), fill(BUY, 65, "100.25")).position("a", INFY, MIS)
    assert (position.quantity, position.average_price) == (0, 0)
    assert position.realised_inr == Decimal("20.25") * 65
    assert position.is_flat


@pytest.mark.parametrize(("first", "second", "sign"), [(BUY, SELL, -1), (SELL, BUY, 1)])
def test_going_through_zero_closes_the_old_and_opens_the_new(
    first: Side, second: Side, sign: int
) -> None:
    position = ledger_of(fill(first, 10, "100"), fill(second, 25, "90")).position("a", INFY, MIS)
    assert (position.quantity, position.average_price) == (15 * sign, Decimal(90))
    assert position.realised_inr == Decimal(100) * sign


def test_the_remainder_of_a_division_stays_in_the_cost() -> None:
    ledger = ledger_of(
        fill(BUY, 1, "100"), fill(BUY, 1, "100"), fill(BUY, 1, "101"), fill(SELL, 1, "100")
    )
    ledger.apply(fill(SELL, 1, "100"))
    ledger.apply(fill(SELL, 1, "100"))
    assert ledger.realised_inr() == Decimal(-1)


def test_closing_everything_leaves_no_crumb_of_cost() -> None:
    ledger = ledger_of(
        fill(BUY, 3, "100.33333333", exact_value=Decimal("301.00000000012")), fill(SELL, 3, "100")
    )
    assert ledger.realised_inr() == Decimal("-1.00000000012")
    assert ledger.position("a", INFY, MIS).average_price == 0


def test_unrealised_profit_is_that_of_the_last_prices() -> None:
    ledger = ledger_of(fill(BUY, 10, "100"), fill(SELL, 5, "50", instrument=TCS, strategy="t"))
    ticks = ticks_at(101.5, 48.0, None)
    assert ledger.unrealised_inr(ticks) == 25.0
    assert ledger.unrealised_inr(ticks, "s") == 15.0
    assert ledger.unrealised_inr(ticks, "t", "a") == 10.0
    assert ledger.unrealised_inr(ticks, account="b") == 0.0
    assert ledger.unrealised_inr(ticks, "nobody") == 0.0
    assert ledger.position("a", INFY, MIS).unrealised_inr(101.5) == 15.0


def test_what_has_no_price_counts_at_cost_and_is_named() -> None:
    ledger = ledger_of(fill(BUY, 10, "100"), fill(BUY, 1, "50", instrument=TCS))
    ticks = ticks_at(None, 51.0, None)
    assert ledger.unrealised_inr(ticks) == 1.0
    assert ledger.unmarked(ticks) == (INFY,)


def test_what_an_only_account_has_parts_from_all_at_the_first_fill_in_another() -> None:
    ledger = ledger_of(fill(BUY, 10, "100"), fill(SELL, 4, "110"))
    index = INFY.index
    assert ledger.standing(None, None) == ledger.standing(None, "a") == (40.0, [(index, 6, 600.0)])
    assert ledger.standing("s", None) == ledger.standing("s", "a") == (40.0, [(index, 6, 600.0)])
    ledger.apply(fill(BUY, 1, "100", account="b"))
    ledger.apply(fill(SELL, 6, "100", account="a", strategy="t"))
    ledger.apply(fill(BUY, 2, "100", account="c"))
    assert ledger.standing(None, "a") == (40.0, [])
    assert ledger.standing(None, "b") == (0.0, [(index, 1, 100.0)])
    assert ledger.standing(None, "c") == (0.0, [(index, 2, 200.0)])
    assert ledger.standing(None, None) == (40.0, [(index, 1, 100.0), (index, 2, 200.0)])
    assert ledger.standing("s", "a") == (40.0, [(index, 6, 600.0)])
    assert ledger.standing("s", None) == (40.0, [(index, 9, 900.0)])
    assert ledger.standing("t", None) == ledger.standing("t", "a") == (0.0, [(index, -6, -600.0)])


def test_products_and_accounts_are_kept_apart_and_netted_where_asked() -> None:
    ledger = ledger_of(
        fill(BUY, 10, "100"),
        fill(SELL, 4, "100", product=NRML),
        fill(SELL, 10, "100", account="b"),
    )
    assert ledger.position("a", INFY, MIS).quantity == 10
    assert ledger.position("a", INFY, NRML).quantity == -4
    assert ledger.net(INFY, "a") == 6
    assert ledger.net(INFY, "b") == -10
    assert ledger.net(INFY) == -4
    assert ledger.net(TCS) == ledger.net(TCS, "c") == 0
    assert dict(ledger.nets("a")) == {INFY: 6}
    assert dict(ledger.nets()) == {INFY: -4}
    assert ledger.by_strategy("s", INFY).quantity == -4
    assert ledger.by_strategy("s", INFY, "a").quantity == 6
    assert [(a, p, x.quantity) for a, p, x in ledger.positions()] == [
        ("a", MIS, 10),
        ("a", NRML, -4),
        ("b", MIS, -10),
    ]


def test_a_group_and_a_strategy_know_their_own() -> None:
    ledger = ledger_of(
        fill(SELL, 65, "100", instrument=NIFTY, group="s.x.1"),
        fill(BUY, 10, "100", group="s.x.1"),
        fill(BUY, 65, "90", instrument=NIFTY, group="s.x.2"),
        fill(BUY, 1, "5", strategy="t", group="t.y.1"),
    )
    first = ledger.by_group("s.x.1")
    assert [(p.instrument, p.quantity) for p in first] == [(NIFTY, -65), (INFY, 10)]
    assert ledger.by_group("none") == ()
    assert ledger.group_pnl_inr("s.x.1", ticks_at(101.0, None, 90.0)) == 660.0
    assert ledger.group_pnl_inr("none", []) == 0.0
    assert ledger.by_strategy("s", NIFTY).realised_inr == Decimal(650)
    assert [p.instrument for p in ledger.positions_of("s")] == [NIFTY, INFY]
    assert ledger.positions_of("nobody") == ()
    assert ledger.open_instruments("s") == (INFY,)
    assert ledger.open_instruments() == (INFY,)
    assert ledger.open_instruments("nobody") == ()
    assert ledger.strategies() == ("s", "t")


def test_what_was_never_traded_is_flat() -> None:
    ledger = Ledger()
    assert ledger.position("a", INFY, MIS).is_flat
    assert ledger.by_strategy("s", INFY).is_flat
    assert ledger.realised_inr("s") == ledger.realised_inr() == 0
    assert list(ledger.nets()) == []


def test_a_value_put_right_later_counts_where_it_belongs() -> None:
    ledger = ledger_of(fill(BUY, 10, "100"), fill(BUY, 0, "100", exact_value=Decimal(-5)))
    assert ledger.position("a", INFY, MIS).average_price == Decimal("99.5")
    ledger.apply(fill(SELL, 10, "100"))
    assert ledger.realised_inr() == Decimal(5)
    ledger.apply(fill(SELL, 0, "100", exact_value=Decimal(3)))
    assert ledger.realised_inr() == Decimal(8)
    assert ledger.net(INFY) == 0


def test_reading_does_not_change_and_is_not_changed() -> None:
    ledger = ledger_of(fill(BUY, 10, "100"))
    before = ledger.position("a", INFY, MIS)
    assert ledger.position("a", INFY, MIS) is before
    ledger.apply(fill(BUY, 10, "100"))
    assert before.quantity == 10


PRICES = st.decimals("0.05", "99999.95", places=2)
FILLS = st.lists(
    st.builds(
        fill,
        st.sampled_from(Side),
        st.integers(1, 5000),
        PRICES,
        instrument=st.sampled_from([INFY, TCS]),
        account=st.sampled_from(["a", "b"]),
        strategy=st.sampled_from(["s", "t"]),
        group=st.sampled_from(["g1", "g2"]),
        product=st.sampled_from([MIS, NRML]),
    ),
    max_size=40,
)


def cash(fills: list[Fill]) -> Decimal:
    return sum((-f.side.sign * f.value for f in fills), Decimal(0))


def naive(fills: list[Fill]) -> tuple[int, Fraction, Fraction]:
    """Net units, mean cost and realised rupees, recomputed in rational numbers."""
    units, mean, realised = 0, Fraction(0), Fraction(0)
    for one in fills:
        signed, price = one.side.sign * one.quantity, Fraction(one.value) / one.quantity
        if units * signed >= 0:
            mean = (mean * abs(units) + price * abs(signed)) / (abs(units) + abs(signed))
            units += signed
            continue
        closed = min(abs(units), abs(signed))
        realised += closed * (price - mean) * (1 if units > 0 else -1)
        if abs(signed) > abs(units):
            mean = price
        units += signed
        if not units:
            mean = Fraction(0)
    return units, mean, realised


@given(FILLS)
def test_positions_agree_with_a_naive_recount(fills: list[Fill]) -> None:
    ledger = ledger_of(*fills)
    books: dict[tuple[str, Instrument, Product], list[Fill]] = defaultdict(list)
    for one in fills:
        books[one.account, one.instrument, one.product].append(one)
    for (account, instrument, product), own in books.items():
        units, mean, realised = naive(own)
        position = ledger.position(account, instrument, product)
        assert position.quantity == units
        assert abs(Fraction(position.average_price) - mean) < Fraction(1, 10**6)
        assert abs(Fraction(position.realised_inr) - realised) < Fraction(1, 10**6)
        assert position.bought_quantity - position.sold_quantity == units


@given(FILLS)
def test_realised_less_the_cost_of_what_is_open_is_the_cash_to_the_last_digit(
    fills: list[Fill],
) -> None:
    ledger = ledger_of(*fills)
    for scope in (
        ledger._all,
        ledger._accounts.get("a"),
        ledger._strategies.get("s"),
        ledger._shares.get(("t", "b")),
        ledger._groups.get("g1"),
    ):
        if scope is None:
            continue
        own = {
            id(ledger._all): fills,
            id(ledger._accounts.get("a")): [f for f in fills if f.account == "a"],
            id(ledger._strategies.get("s")): [f for f in fills if f.strategy == "s"],
            id(ledger._shares.get(("t", "b"))): [
                f for f in fills if (f.strategy, f.account) == ("t", "b")
            ],
            id(ledger._groups.get("g1")): [f for f in fills if f.group_id == "g1"],
        }[id(scope)]
        cost = sum((line.cost for line in scope.lines.values()), Decimal(0))
        assert scope.realised - cost == cash(own)
        assert scope.realised == sum((line.realised for line in scope.lines.values()), Decimal(0))
        assert all(line.cost == 0 for line in scope.lines.values() if not line.quantity)


FLAT_SOON = st.lists(
    st.builds(
        fill,
        st.sampled_from(Side),
        st.just(65),
        PRICES,
        instrument=st.sampled_from([INFY, TCS, NIFTY]),
        strategy=st.sampled_from(["s", "t"]),
        product=st.sampled_from([MIS, NRML]),
    ),
    max_size=40,
)


@given(FILLS | FLAT_SOON)
def test_what_is_held_stands_in_the_order_of_first_fills_whatever_was_flat_meanwhile(
    fills: list[Fill],
) -> None:
    ledger = Ledger()
    for one in fills:
        ledger.apply(one)
        for of in (None, "s", "t"):
            scope = ledger._scope_of(of, None)
            held = [
                (line.index, line.quantity, float(line.cost))
                for line in (() if scope is None else scope.lines.values())
                if line.quantity
            ]
            earned = float(ledger.realised_inr(of))
            assert ledger.standing(of, None) == (None if scope is None else (earned, held))
        held_by = [units for s in "st" for _, units in ledger.strategy_nets(s)]
        assert ledger.holds_any() is bool(held_by)


@given(FILLS)
def test_every_way_of_netting_has_the_same_profit_at_the_same_prices(fills: list[Fill]) -> None:
    ledger = ledger_of(*fills)
    ticks = ticks_at(512.5, 1000.25, None)
    totals = [
        float(ledger.realised_inr()) + ledger.unrealised_inr(ticks),
        sum(float(ledger.realised_inr(s)) + ledger.unrealised_inr(ticks, s) for s in "st"),
        sum(
            float(ledger.realised_inr(account=a)) + ledger.unrealised_inr(ticks, account=a)
            for a in "ab"
        ),
        sum(
            float(ledger.realised_inr(s, a)) + ledger.unrealised_inr(ticks, s, a)
            for s in "st"
            for a in "ab"
        ),
        sum(ledger.group_pnl_inr(g, ticks) for g in ("g1", "g2")),
    ]
    assert totals == pytest.approx([totals[0]] * 5, abs=0.01)


@given(FILLS)
def test_closing_everything_leaves_the_cash_as_realised(fills: list[Fill]) -> None:
    ledger = ledger_of(*fills)
    closing = [
        fill(
            SELL if position.quantity > 0 else BUY,
            abs(position.quantity),
            "512.35",
            instrument=position.instrument,
            account=account,
            product=product,
        )
        for account, product, position in ledger.positions()
        if position.quantity
    ]
    for one in closing:
        ledger.apply(one)
    assert ledger.open_instruments() == ()
    assert ledger.realised_inr() == cash(fills + closing)


def test_a_position_reads_back_from_its_fields() -> None:
    position = ledger_of(fill(BUY, 10, "100")).position("a", INFY, MIS)
    assert msgspec.structs.asdict(position)["bought_value_inr"] == Decimal(1000)
