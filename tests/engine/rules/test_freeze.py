import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.errors import FileError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Instrument, Kind, Segment
from engine.rules.freeze import freeze_by_level, freeze_quantity, slice_quantity

BANDS = (
    Path(__file__).resolve().parents[3]
    / ".." / "shared" / "data" / "market" / "masters" / "nse_quantity_freeze_bands_2024.csv"
)  # fmt: skip
TODAY = date(2026, 8, 19)


def future(
    underlying: str,
    *,
    lot_size: int = 1,
    freeze: int | None = None,
    segment: Segment = Segment.NSE_FO,
) -> Instrument:
    return Catalogue().intern(
        InstrumentFacts(
            segment=segment,
            kind=Kind.FUTURE,
            underlying=underlying,
            expiry=date(2026, 8, 25),
            lot_size=lot_size,
            freeze_quantity=freeze,
        )
    )


@pytest.mark.parametrize(
    ("underlying", "lot", "freeze", "sliced"),
    [
        ("NIFTY", 65, 1800, 1755),
        ("BANKNIFTY", 30, 600, 600),
        ("FINNIFTY", 60, 1800, 1800),
        ("MIDCPNIFTY", 120, 2800, 2760),
        ("NIFTYNXT50", 25, 600, 600),
        ("SENSEX", 20, 1000, 1000),
        ("BANKEX", 30, 900, 900),
    ],
)
def test_the_figures_of_august_2026_and_their_whole_lots(
    underlying: str, lot: int, freeze: int, sliced: int
) -> None:
    instrument = future(underlying, lot_size=lot)
    assert freeze_quantity(instrument, TODAY) == freeze
    assert slice_quantity(instrument, TODAY) == sliced


@pytest.mark.parametrize(
    ("underlying", "day", "freeze"),
    [
        ("BANKNIFTY", date(2025, 8, 1), 900),
        ("BANKNIFTY", date(2025, 11, 2), 900),
        ("BANKNIFTY", date(2025, 11, 3), 600),
        ("FINNIFTY", date(2025, 12, 15), 1200),
        ("FINNIFTY", date(2026, 8, 2), 1200),
        ("NIFTY", date(2024, 1, 1), 1800),
    ],
)
def test_freeze_quantities_are_dated(underlying: str, day: date, freeze: int) -> None:
    assert freeze_quantity(future(underlying), day) == freeze


def test_the_contract_s_own_figure_wins() -> None:
    assert freeze_quantity(future("NIFTY", freeze=1799), TODAY) == 1799


def test_a_stock_without_a_figure_in_its_master_is_an_error() -> None:
    with pytest.raises(FileError, match="master must name it"):
        freeze_quantity(future("SBIN"), TODAY)


def test_a_day_before_the_first_figure_is_an_error() -> None:
    with pytest.raises(FileError, match="MIDCPNIFTY"):
        freeze_quantity(future("MIDCPNIFTY"), date(2026, 8, 2))


def test_the_bands_by_level_are_those_the_exchange_published() -> None:
    if not BANDS.exists():
        pytest.skip("the shared freeze bands are not here")
    with BANDS.open() as lines:
        for row in csv.DictReader(lines):
            expected = int(row["QUANTITY_FREEZE_LIMIT"])
            assert freeze_by_level(Decimal(row["FROM"])) == expected
            assert freeze_by_level(Decimal(row["UP_TO"])) == expected
