"""What groups take themselves to hold, held against the brokers' truth (I12, G2 to G4)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from engine.model.legs import GroupState
from tests.simulation.invariants import require

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from engine.core.kernel import Kernel
    from tests.simulation.broker import Broker


def groups_hold_the_truth(
    brokers: Mapping[str, Broker], kernel: Kernel, untold: Collection[str]
) -> None:
    """I12: every leg counts what its orders filled, and a sold option without its hedge is seen.

    It also knows which of its orders may still do something, and which are in doubt. ``untold``: orders of which no broker tells whose they are.
    """
    filled = {row.tag: row.filled for broker in brokers.values() for row in broker.rows.values()}
    truth: dict[tuple[str, str, int, bool], int] = defaultdict(int)
    for client_id, order in kernel.blotter.orders.items():
        key = order.key
        units = order.filled_quantity if client_id in untold else filled.get(client_id, 0)
        truth[key.group_id, key.account, key.leg, key.exit] += units
    for group in kernel.placement.groups.values():
        for part in group.parts.values():
            unknown: set[str] = set()
            live: set[str] = set()
            for leg in part.legs:
                for client_id in (*leg.entry_ids, *leg.exit_ids):
                    order = kernel.blotter.orders[client_id]
                    if order.lifecycle.is_unknown:
                        unknown.add(client_id)
                    if not order.lifecycle.is_terminal:
                        live.add(client_id)
                where = group.group_id, part.account, leg.plan.number
                entered, left = truth[(*where, False)], truth[(*where, True)]
                counted = leg.entered, leg.left
                text = f"{where}: {counted} entered and left, in truth {(entered, left)}"
                require("I12", counted == (entered, left), text)
            kept = {c for leg in part.legs for c in (*leg.live_entries, *leg.live_exits)}
            text = f"{group.group_id} in {part.account} keeps {kept}, {part.in_doubt} in doubt"
            require("I12", (kept, part.in_doubt) == (live, unknown), text)
            is_naked = part.has_hedge and part.uncovered_short() > part.planned_uncovered
            if part.state is not GroupState.DRAFT:
                text = f"{group.group_id} in {part.account} is naked: {is_naked}, and not so seen"
                require("I12", is_naked == (part.naked_since is not None), text)
