from __future__ import annotations

import decimal
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.money import inr, paise, trap_float_mixing


@pytest.fixture
def untrapped() -> Iterator[None]:
    contexts = (decimal.getcontext(), decimal.DefaultContext)
    before = [context.traps[decimal.FloatOperation] for context in contexts]
    yield
    for context, was in zip(contexts, before, strict=True):
        context.traps[decimal.FloatOperation] = was


@pytest.mark.usefixtures("untrapped")
def test_money_never_meets_a_float_unnoticed() -> None:
    trap_float_mixing()
    with pytest.raises(decimal.FloatOperation):
        Decimal("100.05") <= 100.05  # noqa: B015
    with pytest.raises(decimal.FloatOperation):
        Decimal(100.05)  # noqa: RUF032 - that it raises is what is tested
    assert decimal.Context().traps[decimal.FloatOperation]
    assert inr(100.05) == "100.05"


def test_importing_the_engine_sets_no_trap() -> None:
    # In a process of its own: a test before this one may have run the application.
    asked = "decimal.DefaultContext.traps[decimal.FloatOperation]"
    told = subprocess.run(
        [sys.executable, "-c", f"import decimal, engine, engine.model.money; print({asked})"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout == "False\n"


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [("1.005", "1.01"), ("-1.005", "-1.01"), ("1.004999", "1.00"), ("0", "0.00"), ("2.5", "2.50")],
)
def test_money_rounds_halves_away_from_zero(amount: str, rounded: str) -> None:
    assert str(paise(Decimal(amount))) == rounded


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0.00"),
        ("999.994", "999.99"),
        ("1000", "1,000.00"),
        ("99999.995", "1,00,000.00"),
        ("123456.7", "1,23,456.70"),
        ("-123456.7", "-1,23,456.70"),
        ("10000000", "1,00,00,000.00"),
        ("1234567890123", "12,34,56,78,90,123.00"),
        ("-0.001", "0.00"),
        ("-0.005", "-0.01"),
    ],
)
def test_rupees_are_grouped_as_indians_read_them(amount: str, text: str) -> None:
    assert inr(Decimal(amount)) == text


def test_places_and_floats() -> None:
    assert inr(1234.5, 0) == "1,235"
    assert inr(0.1 + 0.2, 4) == "0.3000"
    assert inr(np.float64(1234567.891)) == "12,34,567.89"
    assert inr(-5) == "-5.00"


@given(st.decimals(-(10**12), 10**12, places=2))
def test_grouping_changes_no_digit(amount: Decimal) -> None:
    text = inr(amount)
    assert Decimal(text.replace(",", "")) == amount
    assert re.fullmatch(r"-?(\d{1,2},)?(\d\d,)*\d{1,3}\.\d\d", text)
