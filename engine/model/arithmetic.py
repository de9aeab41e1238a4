"""The engine's own decimal arithmetic: the same digits whatever a strategy did to its thread's.

Python keeps one precision, rounding and set of traps per thread, and hooks run in the engine's:
``decimal.getcontext().prec = 6`` would be the ledger's from then on. So the engine sets a context
of its own wherever it calculates after a hook may have run: once an event, never at a bare tick.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    DivisionByZero,
    FloatOperation,
    InvalidOperation,
    Overflow,
    localcontext,
    setcontext,
)
from functools import wraps
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

ARITHMETIC: Final = Context(
    prec=28,
    rounding=ROUND_HALF_EVEN,
    Emin=-999_999,
    Emax=999_999,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[InvalidOperation, DivisionByZero, Overflow, FloatOperation],
)
"""What money is calculated with. Every figure is stated: a strategy can change the defaults."""


def fresh_arithmetic() -> None:
    """Calculate as the engine does from here on, and let what ran before keep its own context.

    A copy each time: whoever holds the one before may change it as he likes.
    """
    setcontext(ARITHMETIC.copy())


def exactly(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function calculate as the engine does, and leave its caller's context as it was."""

    @wraps(function)
    def calculated(*args: P.args, **kwargs: P.kwargs) -> R:
        with localcontext(ARITHMETIC):
            return function(*args, **kwargs)

    return calculated
