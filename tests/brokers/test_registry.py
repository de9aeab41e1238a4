from __future__ import annotations

import sys
from types import ModuleType

import pytest

from brokers.registry import BROKERS, BrokerSpec, Registry
from engine.errors import FileError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Kind, Segment
from engine.model.tokens import TokenRow


@pytest.mark.parametrize("name", list(BROKERS))
def test_every_broker_answers_to_the_name_it_is_found_by(name: str) -> None:
    assert BROKERS[name].name == name
    assert name in BROKERS


def test_a_misspelt_broker_is_answered_with_the_nearest_and_all_known() -> None:
    with pytest.raises(FileError, match=r"no broker 'angelon'; did you mean 'angelone'\?.*known: "):
        BROKERS["angelon"]
    with pytest.raises(FileError, match=r"no broker 'zzz' \(known: angelone"):
        BROKERS["zzz"]
    assert "zzz" not in BROKERS
    assert len(BROKERS) == len(list(BROKERS))


def test_a_decoder_is_made_by_name() -> None:
    facts = InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.EQUITY, underlying="INFY")
    rows = [TokenRow(Segment.NSE_CM, "1594", facts.key)]
    decoder = BROKERS.decoder("angelone", Catalogue.of([facts]), rows, "angel")
    assert decoder.tick(b"pong", 0) is None


def test_a_broker_without_a_feed_has_no_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("feedless_broker")
    module.BROKER = BrokerSpec(name="feedless", title="Feedless", decoder=None)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "feedless_broker", module)
    registry = Registry({"feedless": "feedless_broker"})
    with pytest.raises(FileError, match="Feedless has no market data feed"):
        registry.decoder("feedless", Catalogue(), [], "x")


def test_a_package_without_a_spec_is_our_own_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("odd_broker")
    module.BROKER = "angelone"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "odd_broker", module)
    with pytest.raises(TypeError, match=r"odd_broker\.BROKER is not a BrokerSpec"):
        Registry({"odd": "odd_broker"})["odd"]
