from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from brokers.angelone.normalize import TWIN, AngelDecoder, make_decoder
from engine.errors import FileError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Kind, Segment
from engine.model.tokens import TokenRow
from engine.native import Implementation

FACTS = InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.EQUITY, underlying="INFY")
ROWS = [TokenRow(Segment.NSE_CM, "1594", FACTS.key)]


def test_a_decoder_is_made_as_asked(monkeypatch: pytest.MonkeyPatch, implementation: Any) -> None:
    monkeypatch.setenv("LEGWORK_HOT_PATH", implementation)
    catalogue = Catalogue.of([FACTS])
    for decoder in (
        make_decoder(catalogue, ROWS, "angel"),
        make_decoder(catalogue, ROWS, "angel", implementation),
    ):
        assert isinstance(decoder, AngelDecoder) is (implementation is Implementation.PYTHON)


def test_a_wrong_token_is_the_same_error_from_both(implementation: Any) -> None:
    rows = [TokenRow(Segment.NSE_CM, "1" * 30, FACTS.key)]
    with pytest.raises(FileError, match="INFY on nse_cm: token '111"):
        make_decoder(Catalogue.of([FACTS]), rows, "angel", implementation)


def test_what_is_built_here_is_of_the_source_that_is_here() -> None:
    if TWIN.module is None:
        pytest.skip(f"no compiled decoder here: {TWIN.why_not()}")
    assert TWIN.why_not() == ""
    assert Path(str(TWIN.module.__file__)).parent == TWIN.source.parent
