"""The last kill test: what each standing lets pass, for every purpose."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engine.model.order import Purpose
from engine.ports import TradingState
from risk.last_test import barred

S, P = TradingState, Purpose
PASSES = {
    S.ACTIVE: set(P),
    S.REDUCE_ONLY: {P.EXIT, P.UNWIND, P.FLATTEN},
    S.HALTED: {P.EXIT, P.UNWIND, P.FLATTEN},
    S.KILLED: {P.FLATTEN},
}


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("state", list(TradingState))
def test_a_standing_lets_pass_what_it_should(state: TradingState, purpose: Purpose) -> None:
    request: Any = SimpleNamespace(purpose=purpose)
    why = barred(request, (state, "" if state is S.ACTIVE else "because"))
    assert why == ("" if purpose in PASSES[state] else "because")
