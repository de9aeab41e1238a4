"""What a kernel is made with."""

from __future__ import annotations

from datetime import date

import msgspec


class KernelConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a kernel is made with. Times are ns UTC; ``hook_budget_ms`` is wall time.

    ``booked_accounts``: those whose broker has books to read (none in paper).
    ``untagged_accounts``: those whose broker echoes no tag.
    ``max_legs``: how many orders one request may place, by account; 1 for an account not in it.
    """

    trading_date: date
    cadence_s: float = 0.0
    next_client_sequence: int = 1
    hook_budget_ms: float = 50.0
    price_wait_factor: float = 2.5
    booked_accounts: tuple[str, ...] = ()
    untagged_accounts: tuple[str, ...] = ()
    max_legs: dict[str, int] = {}
