"""One spelling per thing, over code and documents."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

# What is not written -> what is.
SPELLINGS = {
    r"cancel(?:ed|ing)(?![a-z])": "cancelled, cancelling",
    r"(?:un)?realiz(?:ed|es|e|ing)(?![a-z])": "realised",
    r"recogniz(?:e|ed|es|ing)(?![a-z])": "recognise",
    r"normalis(?:e|ed|es|ing)(?![a-z])": "normalize (the module's name)",
    r"behavior": "behaviour",
    r"square_?off_?all": "flatten",
    r"lot_?siz\b|lotsize|contract_size": "lot_size",
    r"ticksize|price_?tick|tick_increment": "tick_size",
    r"freeze_?qty|frz_?qty": "freeze_quantity",
    r"strike_?price": "strike",
    r"option_?type": "right",
    r"client_?order_?id": "client_id",
    r"exchange_?order_?id": "exchange_id",
    r"(?<!wire\.)\bltp\b(?! \(51|s?\b.{0,40}(?:packet|frame|mode|head|byte))": "last (LTP is the wire's word)",
    r"stop_?loss_(?:pct|percent)": "stop_pct",
    r"time_in_force": "validity",
    r"back_?test(?:er|ing|s)?\b": "paper run, replay",
    r"\bms_?timestamp|timestamp_?ms\b": "times are ns; units stand last",
}
# The brokers' own words stand where their wires are read and written, and where they are judged.
WIRE_WORDS = re.compile(
    r"^(?:brokers/(?:angelone|aliceblue|quantsapp|order_status)|tests/brokers/|tests/tidy/test_vocabulary|docs/brokers/"
    r"|benchmarks/"
    # A source's columns are called what its makers call them.
    r"|engine/runtime/(?:import_maps/|instrument_lists)|docs/importing|tests/engine/sessionlog/(?:import|export)ing/"
    r"|tests/independent/chain_day"
    r"|tests/engine/runtime/test_instrument_lists)"
)


def violations(path: str, text: str) -> list[str]:
    if WIRE_WORDS.match(path):
        return []
    return [
        f"{path}:{number} {found[0]!r}: write {right}"
        for number, line in enumerate(text.splitlines(), 1)
        for wrong, right in SPELLINGS.items()
        for found in re.finditer(wrong, line, re.IGNORECASE)
    ]


def test_every_thing_has_one_spelling(texts: Mapping[str, str]) -> None:
    wrong = [w for path, text in texts.items() for w in violations(path, text)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "line",
    [
        "state = 'CANCELED'",
        "unrealized_pnl = 0",
        "def normalise(frame):",
        "ticksize: float",
        "freeze_qty = 1800",
        "the strike_price of it",
        "self.ltp = 3",
    ],
)
def test_the_checker_sees_another_spelling(line: str) -> None:
    assert len(violations("engine/core/x.py", line)) == 1


@pytest.mark.parametrize(
    "line",
    ["CANCELLED = 'cancelled'", "realised_inr and realistic", "an LTP packet of 51 bytes"],
)
def test_the_checker_lets_ours_pass(line: str) -> None:
    assert violations("engine/core/x.py", line) == []


def test_a_broker_may_use_its_own_words() -> None:
    assert violations("brokers/angelone/wire.py", "ltp = 3") == []
