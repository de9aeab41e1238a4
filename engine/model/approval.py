"""The judgement of risk: ``Approved`` or ``Refusal``.

Whatever can raise exposure takes ``Approved[...]``. Only ``risk/gate.py`` makes one, and a tidy
test holds that.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's answer, with the figure it looked at and the limit it held it against.

    ``largest_quantity`` is the largest quantity (units) that would have passed, None where no
    quantity would change the answer. ``scope`` names whose limit it is: an order, a strategy, an
    account or all.
    """

    rule: str
    passed: bool
    figure: str
    limit: str
    scope: str = "order"
    subject: str = ""
    largest_quantity: int | None = None
    note: str = ""


class Approved(Generic[T]):
    """``item`` passed every rule in ``checks``."""

    __slots__ = ("checks", "item")

    def __init__(self, item: T, checks: tuple[Check, ...]) -> None:
        self.item = item
        self.checks = checks

    def __repr__(self) -> str:
        return f"Approved({self.item!r})"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Risk said no. ``failed`` is the deciding check; ``checks`` holds all that were made."""

    failed: Check
    checks: tuple[Check, ...]

    @property
    def text(self) -> str:
        """One sentence: the rule, the figure, the limit and the largest quantity that passes."""
        check = self.failed
        who = f" ({check.subject})" if check.subject else ""
        largest = (
            f"; the largest quantity that passes is {check.largest_quantity}"
            if check.largest_quantity is not None
            else ""
        )
        note = f"; {check.note}" if check.note else ""
        return f"{check.rule}{who}: {check.figure}, limit {check.limit}{largest}{note}"
