"""One process of the engine, from its start until it ends or is killed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from engine.live_parts import LiveParts
from engine.runtime.clock import DriftWatch, SteadyClock
from tests.simulation.disk import MortalDisk
from tests.simulation.witness import Lane, Witness


@dataclass
class Life:
    """What belongs to it, and dies with it."""

    parts: LiveParts
    disk: MortalDisk
    tasks: list[asyncio.Task[Any]]
    witnesses: list[Witness]
    lane: Lane
    clock: SteadyClock
    drift: DriftWatch
    drift_ns: int
