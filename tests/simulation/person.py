"""A person who kills just when an order is about to leave, and arms again after a while."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from engine.model.event import Armed, KillMode, KillTripped
from tests.simulation.loop import OUTSIDE

if TYPE_CHECKING:
    from tests.simulation.world import World

SCOPES = ("all", "account", "strategy")
MET = (*(f"kill_{mode}" for mode in KillMode), *(f"kill_of_{name}" for name in SCOPES), "armed")
"""What this person must have done, all of it, in a campaign of kills."""
HELD_S = (0.02, 2.0)
"""How long a sync or a connection takes into which a kill falls."""
STOPPED_S = (5.0, 45.0)
"""How long a kill stands: shorter than a day takes to come to rest, which is to end with none."""
AWAY_S = 5.0
"""When it is tried again to arm an engine that does not run."""


class Person:
    """Kills in the moments between an order's release and its first byte.

    Has dice of their own: what they leave alone is the same day without them.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._dice = Random(world.seed * 7919 + 6)

    def holds_sync(self) -> float:
        """Return how much longer a sync takes, for a kill to fall into it; 0 leaves it alone."""
        return self._holds("killed_while_syncing", self._world.sends.waiting())

    def holds_connection(self, tags: Sequence[str]) -> float:
        """Return the same of the connection on which orders are to leave."""
        return self._holds("killed_while_connecting", tags)

    def _holds(self, fault: str, tags: Sequence[str]) -> float:
        if not tags or not self._world.nemesis.strikes(fault, self._dice):
            return 0.0
        held_s = self._dice.uniform(*HELD_S)
        order = self._world.sends.order(self._dice.choice(tags))
        name = self._dice.choice(SCOPES)
        scope = {"all": "all", "account": f"account:{order.account}", "strategy": order.strategy}
        mode = self._dice.choice(tuple(KillMode))
        self._world.counts.update((f"kill_{mode}", f"kill_of_{name}"))
        loop = asyncio.get_running_loop()
        after_s = self._dice.uniform(0, held_s)
        loop.call_later(after_s, self._kill, scope[name], mode, context=OUTSIDE)
        return held_s

    def _kill(self, scope: str, mode: KillMode) -> None:
        """Kill a scope of the engine that runs, if one does, and come back to arm it."""
        world = self._world
        if world.life is None:
            return
        world.note(f"a person kills {scope}: {mode}")
        world.life.parts.bus.publish(KillTripped(scope, mode, "asha", "enough"))
        after_s = self._dice.uniform(*STOPPED_S)
        asyncio.get_running_loop().call_later(after_s, self._arm, scope, context=OUTSIDE)

    def _arm(self, scope: str) -> None:
        world = self._world
        if world.life is None:
            asyncio.get_running_loop().call_later(AWAY_S, self._arm, scope, context=OUTSIDE)
            return
        world.counts["armed"] += 1
        world.note(f"a person arms {scope}")
        world.life.parts.bus.publish(Armed(scope, "asha", "looked into it"))
