"""How much may be done, by scope: everything, one account, one strategy.

The most restrictive scope wins. Anyone may make a scope more restrictive; only ``arm``, a person's
decision, makes it less so (reliability.md 4.2).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from engine.model.event import KillMode, KillTripped
from engine.model.scope import scopes_of
from engine.ports import TradingState


class Standing(NamedTuple):
    """What one scope allows, and why. ``mode`` says what a kill does, None without one."""

    state: TradingState
    why: str
    mode: KillMode | None = None


_ACTIVE: Final = Standing(TradingState.ACTIVE, "")


class KillSwitch:
    """Keeps the standing of every scope: ``all``, ``account:NAME`` or a strategy's id."""

    def __init__(self) -> None:
        self._standings: dict[str, Standing] = {}

    def trip(self, kill: KillTripped) -> None:
        """Kill the scope the event names; a second kill of it can only reach further."""
        before = self._standings.get(kill.scope, _ACTIVE)
        if before.mode is not None and kill.mode.reach <= before.mode.reach:
            return
        why = f"killed by {kill.who}: {kill.why}"
        self._standings[kill.scope] = Standing(TradingState.KILLED, why, kill.mode)

    def halt(self, strategy: str, why: str) -> None:
        """Stop a strategy: it raised, overran or was rejected too often. Exits still pass."""
        self._restrict(strategy, TradingState.HALTED, why)

    def reduce_only(self, scope: str, why: str) -> None:
        """Let only exits pass: a loss limit is broken."""
        self._restrict(scope, TradingState.REDUCE_ONLY, why)

    def arm(self, scope: str) -> None:
        """Lift every restriction of one scope. Raises ``KeyError`` when it has none."""
        del self._standings[scope]

    def state(self, strategy: str, account: str) -> tuple[TradingState, str]:
        """Return the most restrictive state that applies, and why; the widest scope names it."""
        if not self._standings:
            return _ACTIVE.state, _ACTIVE.why
        standing = self._worst(strategy, account)
        return standing.state, standing.why

    def mode(self, strategy: str, account: str) -> KillMode | None:
        """Return the furthest-reaching kill that applies, None when nothing was killed."""
        modes = [
            standing.mode
            for scope in scopes_of(strategy, account)
            if (standing := self._standings.get(scope, _ACTIVE)).mode is not None
        ]
        return max(modes, key=lambda mode: mode.reach, default=None)

    def standings(self) -> dict[str, Standing]:
        """Return every restricted scope, in the order in which they were first restricted."""
        return dict(self._standings)

    def _restrict(self, scope: str, state: TradingState, why: str) -> None:
        if state > self._standings.get(scope, _ACTIVE).state:
            self._standings[scope] = Standing(state, why)

    def _worst(self, strategy: str, account: str) -> Standing:
        worst = _ACTIVE
        for scope in scopes_of(strategy, account):
            standing = self._standings.get(scope, _ACTIVE)
            if standing.state > worst.state:
                worst = standing
        return worst
