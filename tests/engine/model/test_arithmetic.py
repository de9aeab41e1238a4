"""The engine's decimal arithmetic does not depend on the thread's, nor change it."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from decimal import Decimal

import pytest

from engine.model.arithmetic import ARITHMETIC, exactly, fresh_arithmetic
from engine.model.side import Side
from engine.testing import nifty_chain

CALL = nifty_chain().find("NIFTY 25AUG26 24300 CE")


@pytest.fixture(autouse=True)
def three_digits() -> Iterator[decimal.Context]:
    """A thread whose owner wants three digits, rounded up."""
    with decimal.localcontext() as context:
        context.prec = 3
        context.rounding = decimal.ROUND_UP
        yield context


def test_it_is_what_python_begins_with_and_traps_floats() -> None:
    fresh_arithmetic()
    now, plain = decimal.getcontext(), decimal.Context(prec=28)
    for figure in ("prec", "rounding", "Emin", "Emax", "capitals", "clamp"):
        assert getattr(now, figure) == getattr(plain, figure)
    for signal, trapped in plain.traps.items():
        assert now.traps[signal] == (trapped or signal is decimal.FloatOperation)
    with pytest.raises(decimal.FloatOperation):
        Decimal("100.05") <= 100.05  # noqa: B015


def test_whoever_holds_it_changes_his_own() -> None:
    fresh_arithmetic()
    held = decimal.getcontext()
    held.prec = 2
    fresh_arithmetic()
    held.prec = 1
    assert decimal.getcontext().prec == ARITHMETIC.prec == 28


def test_the_defaults_of_new_threads_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decimal.DefaultContext, "prec", 2)
    fresh_arithmetic()
    assert Decimal(1) / 3 == Decimal("0." + "3" * 28)


def test_a_function_that_calculates_exactly_leaves_its_callers_context(
    three_digits: decimal.Context,
) -> None:
    @exactly
    def third(*, fails: bool = False) -> Decimal:
        decimal.getcontext().rounding = decimal.ROUND_DOWN
        fresh_arithmetic()
        if fails:
            raise ValueError
        return Decimal(2) / 3

    assert third() == Decimal("0." + "6" * 27 + "7")
    with pytest.raises(ValueError, match=r"^$"):
        third(fails=True)
    assert decimal.getcontext() is three_digits
    assert Decimal(2) / 3 == Decimal("0.667")
    assert Decimal(1) / 3 == Decimal("0.334")


def test_a_contract_puts_prices_on_its_grid_as_ever() -> None:
    assert CALL.price(1234.55, Side.BUY, "passive") == Decimal("1234.55")
    assert CALL.price(Decimal("1234.56"), Side.SELL, "aggressive") == Decimal("1234.55")
    assert CALL.ticks(Decimal("1234.55")) == 24_691
    assert CALL.from_ticks(24_691) == Decimal("1234.55")
