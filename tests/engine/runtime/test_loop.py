"""The event loop of a run."""

from __future__ import annotations

import asyncio
import importlib.util

import pytest

from engine.runtime.loop import loop_factory


def test_a_run_gets_a_loop_that_runs() -> None:
    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        assert runner.run(answer()) == 42


def test_without_uvloop_the_loop_is_asyncios_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert loop_factory() is None
