from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from brokers.angelone.normalize import AngelDecoder, Implementation, choice, in_use, make_decoder
from engine.errors import FileError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Kind, Segment
from engine.model.tokens import TokenRow

COMPILED, PYTHON = Implementation.COMPILED, Implementation.PYTHON
FACTS = InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.EQUITY, underlying="INFY")
ROWS = [TokenRow(Segment.NSE_CM, "1594", FACTS.key)]
DIGEST = hashlib.sha256(choice.SOURCE.read_bytes()).hexdigest()


def built(monkeypatch: pytest.MonkeyPatch, digest: str, why: str = "") -> None:
    """As if there were a compiled decoder of this source, or, for a reason, none."""
    twin = SimpleNamespace(SOURCE_SHA256=digest, CompiledDecoder=None)
    monkeypatch.setattr(choice, "compiled", None if why else twin)
    monkeypatch.setattr(choice, "_not_loaded", why)


def test_the_compiled_one_is_in_use_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    built(monkeypatch, DIGEST)
    assert in_use({}) == (COMPILED, "")
    assert in_use({"LEGWORK_DECODER": ""}) == (COMPILED, "")
    assert in_use({"LEGWORK_DECODER": "compiled"}) == (COMPILED, "")
    assert str(in_use({})) == "compiled"


def test_python_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    built(monkeypatch, DIGEST)
    assert in_use({"LEGWORK_DECODER": "python"}) == (PYTHON, "LEGWORK_DECODER asks for it")


def test_without_a_compiled_one_python_is_in_use_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built(monkeypatch, DIGEST, "it is not built")
    assert in_use({}) == (PYTHON, "it is not built")
    assert str(in_use({})) == "python, it is not built"


def test_one_of_another_source_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    built(monkeypatch, "0" * 64)
    implementation, why = in_use({})
    assert implementation is PYTHON
    assert why == "it was built from another compiled.c than this; install again to build it"


@pytest.mark.parametrize(("digest", "why"), [("0" * 64, ""), (DIGEST, "it is not built")])
def test_to_insist_on_what_is_not_there_is_an_error(
    monkeypatch: pytest.MonkeyPatch, digest: str, why: str
) -> None:
    built(monkeypatch, digest, why)
    with pytest.raises(FileError, match=r"asks for the compiled decoder, but it (is|was) "):
        in_use({"LEGWORK_DECODER": "compiled"})


@pytest.mark.parametrize("word", ["c", "Python", " python", "cython", "1"])
def test_an_unknown_word_is_an_error_and_never_a_default(word: str) -> None:
    with pytest.raises(FileError, match="it may be compiled, python or unset"):
        in_use({"LEGWORK_DECODER": word})


def test_a_decoder_is_made_as_asked(monkeypatch: pytest.MonkeyPatch, implementation: Any) -> None:
    monkeypatch.setenv("LEGWORK_DECODER", implementation)
    catalogue = Catalogue.of([FACTS])
    for decoder in (
        make_decoder(catalogue, ROWS, "angel"),
        make_decoder(catalogue, ROWS, "angel", implementation),
    ):
        assert isinstance(decoder, AngelDecoder) is (implementation is PYTHON)


def test_a_wrong_token_is_the_same_error_from_both(implementation: Any) -> None:
    rows = [TokenRow(Segment.NSE_CM, "1" * 30, FACTS.key)]
    with pytest.raises(FileError, match="INFY on nse_cm: token '111"):
        make_decoder(Catalogue.of([FACTS]), rows, "angel", implementation)


def test_what_is_built_here_is_of_the_source_that_is_here() -> None:
    if choice.compiled is None:
        pytest.skip(f"no compiled decoder here: {choice.why_not_compiled()}")
    assert choice.why_not_compiled() == ""
    assert Path(choice.compiled.__file__).parent == choice.SOURCE.parent
