"""The hash of everything a restart restores, section by section (reliability.md 2.2).

A live kernel and one folded from its journal give the same, at every record behind which an event
ended. What is not in here is not promised to survive: words that explain, and patience (pauses,
attempts, timers), which begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from engine.core.group import Group, LegRun, Part
from engine.model.codec import encode
from engine.model.legs import GroupState
from engine.model.order import Order
from engine.model.record import (
    EntryWithdrawn,
    GroupMoved,
    GroupPlanned,
    HumanActed,
    KillRecorded,
    LegRepriced,
    OrderChanged,
    Record,
)

if TYPE_CHECKING:
    from engine.core.kernel import Kernel

FORM: Final = 3
"""What is hashed, and how; another number whenever either changes."""
_BYTES: Final = 16


class StateDigest:
    """Hashes one kernel's state again and again. It must be shown every record from its first use.

    Orders and groups are many and most of them are over: only those a record spoke of are hashed
    again. The rest is little.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._orders: dict[str, bytes] = {}
        self._groups: dict[str, bytes] = {}
        self._changed_orders: dict[str, None] = {}
        self._changed_groups: dict[str, None] = {}
        self._is_begun = False

    def note(self, record: Record) -> None:
        """Note what a record says has changed."""
        match record:
            case OrderChanged(order=order):
                self._changed_orders[order.client_id] = None
                self._changed_groups[order.key.group_id] = None
            case GroupPlanned(plan=plan):
                self._changed_groups[plan.group_id] = None
            case GroupMoved() | EntryWithdrawn() | LegRepriced():
                self._changed_groups[record.group_id] = None
            case KillRecorded() | HumanActed(action="arm"):
                self._changed_groups.update(dict.fromkeys(self._groups))

    def sections(self, orders: Mapping[str, Order] | None = None) -> dict[str, str]:
        """Return the hash of each section, hex. ``orders``: those of a fold under way."""
        kernel = self._kernel
        groups = kernel.placement.groups
        foreign, halting = kernel.reconcile.foreign, kernel.halting
        known = kernel.blotter.orders if orders is None else orders
        for client_id in self._changed_orders if self._is_begun else known:
            self._orders[client_id] = _digest(known[client_id])
        for group_id in self._changed_groups if self._is_begun else groups:
            self._groups[group_id] = _digest(_facts(groups[group_id]))
        self._is_begun = True
        self._changed_orders.clear()
        self._changed_groups.clear()
        return {
            "orders": _joined(self._orders.values()),
            "groups": _joined(self._groups.values()),
            "ledger": _digest(list(kernel.desk.ledger.positions())).hex(),
            "strategies": _digest(kernel.desk.states).hex(),
            "standing": _digest((halting.kills, halting.halts)).hex(),
            "rejections": _digest(sorted(kernel.halting.rejections().items())).hex(),
            "foreign": _digest(list(foreign.orders.values())).hex(),
            "units": _digest((foreign.counted(), kernel.reconcile.adjustments())).hex(),
        }


def _facts(group: Group) -> tuple[object, ...]:
    parts = tuple(_part(part) for part in group.parts.values())
    return group.plan, group.realised_cash, parts


def _part(part: Part) -> tuple[object, ...]:
    return (
        part.account,
        part.state,
        part.came_from if part.state is GroupState.STUCK else None,
        part.started_at,
        part.deadline,
        part.keeps_what_filled,
        part.flattens and part.state is not GroupState.REFUSED,
        tuple(_leg(leg) for leg in part.legs),
    )


def _leg(leg: LegRun) -> tuple[object, ...]:
    return leg.plan, leg.entry_ids, leg.exit_ids, leg.entered, leg.left


def _digest(value: object) -> bytes:
    return blake2b(encode(value), digest_size=_BYTES).digest()


def _joined(digests: Iterable[bytes]) -> str:
    return blake2b(b"".join(digests), digest_size=_BYTES).hexdigest()
