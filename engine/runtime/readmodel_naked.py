"""How long a sold option stood without the hedge its group has for it, from the fills alone."""

from __future__ import annotations

from engine.model.instrument import Right
from engine.model.order import Fill

_Part = tuple[str, str]


class NakedWatch:
    """Adds up uncovered time by part (group, account); only of parts that have a hedge.

    The measure is the kernel's (``engine.core.group.Part.uncovered_short``): units of sold options
    that the part's own bought options do not cover, right by right.
    """

    def __init__(self) -> None:
        self._nets: dict[_Part, dict[Right, int]] = {}
        self._since: dict[_Part, int] = {}
        self._totals: dict[_Part, int] = {}

    def watch(self, group_id: str, account: str) -> None:
        """Measure this part from now on."""
        part = (group_id, account)
        self._nets.setdefault(part, {})
        self._totals.setdefault(part, 0)

    def fill(self, fill: Fill) -> None:
        """Count a fill."""
        part = (fill.group_id, fill.account)
        right = fill.instrument.right
        nets = self._nets.get(part)
        if nets is None or right is None:
            return
        nets[right] = nets.get(right, 0) + fill.quantity * fill.side.sign
        is_naked = any(units < 0 for units in nets.values())
        if is_naked:
            self._since.setdefault(part, fill.at)
        elif part in self._since:
            self._totals[part] += fill.at - self._since.pop(part)

    def total_ns(self, group_id: str, account: str, now: int) -> int | None:
        """Return the uncovered time until ``now`` (ns UTC), None for a part without a hedge."""
        part = (group_id, account)
        total = self._totals.get(part)
        if total is None or part not in self._since:
            return total
        return total + max(0, now - self._since[part])
