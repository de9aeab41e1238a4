"""The same order again over a restart: killing the engine is no way around ``duplicate_window_s``."""

from __future__ import annotations

import pytest

from engine import buy
from engine.model.event import ReplyOutcome
from tests.engine.core.live_kernel import ROOMY, LiveKernel

MINUTE = ROOMY.model_copy(update={"duplicate_window_s": 60.0})


@pytest.fixture
def live() -> LiveKernel:
    """A kernel that has just sent an order."""
    live = LiveKernel(limits=MINUTE).ready()
    (ours,) = live.enter(buy(live.call, 1), name="first", retries=0)
    live.reply(ours, ReplyOutcome.REFUSED, text="RMS: margin")
    return live


def test_the_same_order_of_another_group_is_refused_after_a_restart(live: LiveKernel) -> None:
    live = live.restart(away_s=20).ready()
    assert not live.enter(buy(live.call, 1), name="second")
    assert (
        "the same as LW1V9000001C4Q of puppet.first.1 20.000 s before" in live.group("second").why
    )


def test_it_passes_once_the_window_is_over(live: LiveKernel) -> None:
    live = live.restart(away_s=61).ready()
    assert live.enter(buy(live.call, 1), name="second")


@pytest.mark.parametrize("is_taken_back", [True, False])
def test_an_order_that_never_left_is_no_first_one(live: LiveKernel, *, is_taken_back: bool) -> None:
    live.releases = False
    assert not live.enter(buy(live.put, 1), name="held")
    if is_taken_back:
        live.ask(lambda s: s.cancel("held"))
    live = live.restart(away_s=1).ready()
    assert live.enter(buy(live.put, 1), name="second")
