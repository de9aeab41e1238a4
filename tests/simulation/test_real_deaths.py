"""The short form of the real deaths; the long one is ``python -m tests.simulation.real_deaths``."""

from __future__ import annotations

from tests.simulation.real_deaths.day import run_day


async def test_real_processes_that_are_killed_lose_and_double_nothing() -> None:
    outcome = await run_day(seed=11, deaths=12, pace=20)
    assert not outcome.violation
    assert outcome.deaths == 12
    assert outcome.fills
