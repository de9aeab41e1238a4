from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec
import pytest

from engine.errors import FileError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Kind, Right, Segment

AUG, SEP = date(2026, 8, 25), date(2026, 9, 29)


def index(name: str = "NIFTY") -> InstrumentFacts:
    return InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.INDEX, underlying=name)


def share(name: str = "INFY", segment: Segment = Segment.NSE_CM) -> InstrumentFacts:
    return InstrumentFacts(segment=segment, kind=Kind.EQUITY, underlying=name)


def future(expiry: date = AUG, lot_size: int = 65) -> InstrumentFacts:
    return InstrumentFacts(
        segment=Segment.NSE_FO,
        kind=Kind.FUTURE,
        underlying="NIFTY",
        expiry=expiry,
        lot_size=lot_size,
    )


def option(strike: str, right: Right, expiry: date = AUG) -> InstrumentFacts:
    return InstrumentFacts(
        segment=Segment.NSE_FO,
        kind=Kind.OPTION,
        underlying="NIFTY",
        expiry=expiry,
        strike=Decimal(strike),
        right=right,
        lot_size=65,
    )


FACTS = [
    index(),
    future(SEP),
    future(AUG),
    option("24050", Right.PUT),
    option("24000", Right.PUT),
    option("24000", Right.CALL),
    option("24000", Right.CALL, SEP),
    share(),
]


def test_indices_are_dense_and_follow_the_order_of_the_facts() -> None:
    catalogue = Catalogue.of(FACTS)
    assert len(catalogue) == len(FACTS)
    assert [i.index for i in catalogue] == list(range(len(FACTS)))
    assert [i.key for i in catalogue] == [f.key for f in FACTS]
    assert catalogue[2].expiry == AUG


def test_one_contract_is_one_object() -> None:
    catalogue = Catalogue.of(FACTS)
    again = catalogue.intern(option("24000.00", Right.CALL))
    assert again is catalogue.by_key("nse_fo/NIFTY/2026-08-25/24000/CE")
    assert len(catalogue) == len(FACTS)


@pytest.mark.parametrize(
    ("field", "value"),
    [("lot_size", 75), ("tick_size", Decimal("0.10")), ("freeze_quantity", 1800)],
)
def test_masters_that_disagree_are_not_merged(field: str, value: object) -> None:
    catalogue = Catalogue.of(FACTS)
    changed = msgspec.structs.replace(future(), **{field: value})
    with pytest.raises(FileError, match=f"NIFTY 25AUG26 FUT: {field}"):
        catalogue.intern(changed)


def test_two_catalogues_share_nothing() -> None:
    assert Catalogue.of(FACTS)[0] is not Catalogue.of(FACTS)[0]


def test_facts_are_what_a_catalogue_is_made_of() -> None:
    catalogue = Catalogue.of(FACTS)
    assert catalogue.facts() == FACTS
    written = msgspec.json.encode(catalogue.facts())
    read = msgspec.json.decode(written, type=list[InstrumentFacts])
    assert [i.key for i in Catalogue.of(read)] == [i.key for i in catalogue]


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("NIFTY", "nse_cm/NIFTY/INDEX"),
        ("nifty", "nse_cm/NIFTY/INDEX"),
        ("INFY", "nse_cm/INFY/EQ"),
        ("NIFTY 25AUG26 FUT", "nse_fo/NIFTY/2026-08-25/FUT"),
        ("  nifty  25aug26   24000 ce ", "nse_fo/NIFTY/2026-08-25/24000/CE"),
        ("nse_fo/NIFTY/2026-08-25/24000/PE", "nse_fo/NIFTY/2026-08-25/24000/PE"),
    ],
)
def test_an_instrument_is_found_by_what_a_person_writes(words: str, key: str) -> None:
    assert Catalogue.of(FACTS).find(words).key == key


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    catalogue = Catalogue.of(FACTS)
    with pytest.raises(FileError, match=r"no instrument 'NIFTY 25AUG26 24010 CE'; nearest: NIFTY"):
        catalogue.find("NIFTY 25AUG26 24010 CE")
    with pytest.raises(FileError, match=r"no instrument 'zzz'$"):
        catalogue.find("zzz")
    with pytest.raises(FileError, match="nearest: nse_cm/INFY/EQ"):
        catalogue.by_key("nse_cm/INFI/EQ")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_index_is_meant_before_a_share_of_its_name(order: tuple[int, int]) -> None:
    both = [index("X"), share("X")]
    assert Catalogue.of([both[i] for i in order]).find("X").kind is Kind.INDEX


def test_a_name_with_two_meanings_is_refused_with_both() -> None:
    catalogue = Catalogue.of([share(), share(segment=Segment.BSE_CM)])
    with pytest.raises(FileError, match="nse_cm/INFY/EQ, bse_cm/INFY/EQ"):
        catalogue.find("INFY")
    assert catalogue.find("bse_cm/INFY/EQ").segment is Segment.BSE_CM


def test_underlyings_keep_their_order_of_appearance() -> None:
    assert Catalogue.of(FACTS).underlyings() == ["NIFTY", "INFY"]


def test_expiries_are_nearest_first_and_of_the_kind_asked() -> None:
    catalogue = Catalogue.of(FACTS)
    assert catalogue.expiries("NIFTY") == [AUG, SEP]
    assert catalogue.expiries("NIFTY", Kind.FUTURE) == [AUG, SEP]
    assert catalogue.expiries("INFY") == []


def test_options_are_by_strike_and_call_before_put() -> None:
    found = Catalogue.of(FACTS).options("NIFTY", AUG)
    assert [(str(i.strike), i.right) for i in found] == [
        ("24000", "CE"),
        ("24000", "PE"),
        ("24050", "PE"),
    ]


def test_futures_are_counted_from_the_nearest() -> None:
    catalogue = Catalogue.of(FACTS)
    assert catalogue.future("NIFTY").expiry == AUG
    assert catalogue.future("NIFTY", 1).expiry == SEP
    with pytest.raises(FileError, match="2 futures known, number 3 asked"):
        catalogue.future("NIFTY", 2)
    with pytest.raises(FileError, match="INFY has no future among the"):
        catalogue.future("INFY")
