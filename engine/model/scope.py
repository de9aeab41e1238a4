"""What a kill, a loss limit or an arming is about: everything, one account, one strategy."""

from __future__ import annotations

from typing import Final

EVERYTHING: Final = "all"


def account_scope(account: str) -> str:
    """Return the scope of one account; that of a strategy is its id."""
    return f"account:{account}"


def scopes_of(strategy: str, account: str) -> tuple[str, str, str]:
    """Return the scopes that an order of a strategy in an account stands in, the widest first."""
    return EVERYTHING, account_scope(account), strategy
