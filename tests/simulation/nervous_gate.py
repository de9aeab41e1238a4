"""Risk that now and then refuses at the second look what it approved at the first.

Prices of the simulated market hardly move between the two, so the real reasons come too seldom.
"""

from __future__ import annotations

from typing import Any

from engine.model.approval import Approved, Check, Refusal
from engine.model.command import Batch
from engine.model.order import OrderRequest
from engine.ports import RiskView
from risk.gate import Gate
from tests.simulation.nemesis import Nemesis


class NervousGate(Gate):
    """A gate to which the nemesis whispers."""

    def __init__(self, nemesis: Nemesis, *limits: Any) -> None:
        super().__init__(*limits)
        self._nemesis = nemesis

    def recheck(self, request: OrderRequest, view: RiskView) -> Approved[Batch] | Refusal:
        """Judge one order again, and sometimes be afraid of it."""
        if self._nemesis.strikes("second_look_refuses"):
            self._nemesis.refused.add(request.client_id)
            afraid = Check(
                rule="nerves", passed=False, figure="shaken", limit="calm", scope="order"
            )
            return Refusal(failed=afraid, checks=(afraid,))
        return super().recheck(request, view)
