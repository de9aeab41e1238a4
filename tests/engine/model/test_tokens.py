from __future__ import annotations

import msgspec
import pytest

from engine.errors import FileError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Kind, Segment
from engine.model.tokens import TokenRow, TokenTable

FACTS = [
    InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.EQUITY, underlying=name)
    for name in ("INFY", "TCS")
]


def table() -> tuple[Catalogue, TokenTable]:
    catalogue = Catalogue.of(FACTS)
    made = TokenTable()
    made.add(Segment.NSE_CM, "1594", catalogue[0])
    made.add(Segment.NSE_CM, "11536", catalogue[1])
    return catalogue, made


def test_tokens_lead_to_instruments_and_back() -> None:
    catalogue, made = table()
    assert made.instrument(Segment.NSE_CM, "11536") is catalogue[1]
    assert made.token(catalogue[0]) == (Segment.NSE_CM, "1594")
    assert list(made) == [
        (Segment.NSE_CM, "1594", catalogue[0]),
        (Segment.NSE_CM, "11536", catalogue[1]),
    ]
    assert len(made) == 2


def test_a_table_survives_being_written_down() -> None:
    catalogue, made = table()
    written = msgspec.json.encode(made.rows())
    assert written == b'[["nse_cm","1594","nse_cm/INFY/EQ"],["nse_cm","11536","nse_cm/TCS/EQ"]]'
    rows = msgspec.json.decode(written, type=list[TokenRow])
    assert list(TokenTable.of(catalogue, rows)) == list(made)


def test_the_same_token_means_different_things_on_different_segments() -> None:
    catalogue = Catalogue.of(
        [*FACTS[:1], msgspec.structs.replace(FACTS[1], segment=Segment.BSE_CM)]
    )
    made = TokenTable()
    made.add(Segment.NSE_CM, "1594", catalogue[0])
    made.add(Segment.BSE_CM, "1594", catalogue[1])
    assert made.instrument(Segment.BSE_CM, "1594") is catalogue[1]


def test_entering_a_pair_again_changes_nothing() -> None:
    catalogue, made = table()
    made.add(Segment.NSE_CM, "1594", catalogue[0])
    assert len(made) == 2


def test_a_token_with_two_meanings_is_refused() -> None:
    catalogue, made = table()
    with pytest.raises(FileError, match="token 1594 on nse_cm means INFY and TCS"):
        made.add(Segment.NSE_CM, "1594", catalogue[1])


def test_an_instrument_with_two_tokens_is_refused_and_the_table_stays_as_it_was() -> None:
    catalogue, made = table()
    before = made.rows()
    with pytest.raises(FileError, match="INFY has token 1594 on nse_cm and 99 on nse_cm"):
        made.add(Segment.NSE_CM, "99", catalogue[0])
    assert made.rows() == before


def test_what_is_not_in_the_table_is_named() -> None:
    _, made = table()
    other = Catalogue.of(FACTS)[0]
    with pytest.raises(FileError, match="no instrument has token 7 on nse_fo"):
        made.instrument(Segment.NSE_FO, "7")
    with pytest.raises(FileError, match="INFY has no token with this broker"):
        made.token(other)
    with pytest.raises(FileError, match="INFY: an empty token on nse_cm"):
        made.add(Segment.NSE_CM, "", other)


def test_a_row_of_an_unknown_instrument_is_refused() -> None:
    with pytest.raises(FileError, match="no instrument 'nse_cm/WIPRO/EQ'"):
        TokenTable.of(Catalogue(), [TokenRow(Segment.NSE_CM, "3787", "nse_cm/WIPRO/EQ")])
