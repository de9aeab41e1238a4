"""The contracts of a synthetic session, and the terms that are refused."""

from __future__ import annotations

import dataclasses
from datetime import date, time
from decimal import Decimal

import pytest

from brokers.exchange.listings import MarketTerms, check_terms, list_contracts
from engine.errors import FileError
from engine.model.catalogue import Catalogue
from engine.model.instrument import Kind, Segment
from engine.rules.clock_time import clock_text
from engine.rules.sessions import Sessions

TERMS = MarketTerms(seed=1, trading_date=date(2026, 8, 17))
SESSIONS = Sessions()


def test_the_contracts_are_an_index_its_future_and_options_of_two_expiries() -> None:
    catalogue = Catalogue.of(list_contracts(TERMS, SESSIONS))
    index, future = catalogue[0], catalogue[1]
    assert (index.key, index.segment) == ("nse_cm/NIFTY/INDEX", Segment.NSE_CM)
    assert future.key == "nse_fo/NIFTY/2026-08-25/FUT"
    assert (future.lot_size, future.tick_size, future.freeze_quantity) == (
        65,
        Decimal("0.10"),
        1800,
    )
    assert catalogue.expiries("NIFTY") == [date(2026, 8, 18), date(2026, 8, 25)]
    nearest = catalogue.options("NIFTY", date(2026, 8, 18))
    assert len(nearest) == 2 * 21
    assert nearest[0].strike == 23_800
    assert nearest[-1].strike == 24_800
    assert len(catalogue.options("NIFTY", date(2026, 8, 25))) == 2 * 5
    for option in nearest:
        assert option.kind is Kind.OPTION
        assert (option.lot_size, option.tick_size, option.freeze_quantity) == (
            65,
            Decimal("0.05"),
            1800,
        )


def test_strikes_stand_around_the_money() -> None:
    terms = dataclasses.replace(TERMS, spot=24_276.0, strikes=1)
    strikes = {
        facts.strike
        for facts in list_contracts(terms, SESSIONS)
        if facts.expiry == date(2026, 8, 18)
    }
    assert strikes == {None, 24_250, 24_300, 24_350} - {None}


def test_the_session_of_the_terms_is_that_of_the_rules() -> None:
    opens, closes = check_terms(TERMS, SESSIONS)
    assert (clock_text(opens, 0), clock_text(closes, 0)) == ("09:15:00", "15:40:00")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"trading_date": date(2026, 8, 16)},
            "--date 2026-08-16: the exchange is closed on that Sunday",
        ),
        (
            {"trading_date": date(2026, 9, 14)},
            "--date 2026-09-14: the exchange is closed on that Monday",
        ),
        ({"trading_date": date(2025, 1, 1)}, "no rule known on 2025-01-01"),
        ({"trading_date": date(2026, 11, 8)}, "give them in a calendar file"),
        ({"trading_date": date(2027, 1, 4)}, "no calendar of nse_fo is known"),
        (
            {"begins": time(9, 14)},
            "--from 09:14:00: not within the session of 2026-08-17, 09:15:00",
        ),
        ({"ends": time(15, 41)}, "--to 15:41:00: not within the session"),
        ({"begins": time(11, 15)}, "--from 11:15:00 must be before --to 11:15:00"),
        ({"strikes": 0}, "--strikes 0: from 1 to 40 strikes on each side"),
        ({"strikes": 41}, "--strikes 41"),
        ({"next_strikes": -1}, "--next-strikes -1"),
    ],
)
def test_terms_that_cannot_be_met_are_refused_by_option(
    changed: dict[str, object], told: str
) -> None:
    with pytest.raises(FileError, match=told):
        check_terms(dataclasses.replace(TERMS, **changed), SESSIONS)  # type: ignore[arg-type]
