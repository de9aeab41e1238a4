"""Bugs planted one at a time: a harness that lets them live proves nothing (reliability.md 6.3).

Each replaces one function of the engine by one that a tired person might have written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.simulation.planted import host, kills, knowing, late, sending
from tests.simulation.planted.planting import DEATHS, PLANTS, Stillborn

__all__ = [
    "Stillborn",
    "campaign_of",
    "host",
    "kills",
    "knowing",
    "late",
    "names",
    "plant",
    "sending",
]


@contextmanager
def plant(name: str) -> Iterator[None]:
    """Have one bug in the engine while inside.

    Raises ``Stillborn`` where its own code does not fit the engine, or died of anything at all.
    """
    DEATHS.clear()
    yield from PLANTS[name].change()
    if DEATHS:
        raise Stillborn(DEATHS[0])


def names() -> list[str]:
    """Return what every bug is called."""
    return list(PLANTS)


def campaign_of(name: str) -> str:
    """Return the campaign that must catch a bug."""
    return PLANTS[name].campaign
