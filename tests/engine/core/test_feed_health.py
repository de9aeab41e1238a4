"""A silent feed names what is open while no stop can fire."""

from __future__ import annotations

from engine.model.event import FeedHealthChanged, HealthState
from tests.engine.core.live_kernel import LiveKernel
from tests.engine.core.test_state_digest import filled


def test_what_is_open_is_named_while_the_feed_is_silent() -> None:
    live = LiveKernel().ready()
    live.tell(FeedHealthChanged("angel", HealthState.STALE, "nothing came for 10 s"))
    assert live.alerts() == ["angel: feed STALE: nothing came for 10 s"]
    live.tell(FeedHealthChanged("angel", HealthState.FRESH, "prices come"))
    filled(live)
    live.tell(FeedHealthChanged("angel", HealthState.DEAD, "nothing came for 70 s"))
    assert live.alerts()[-1] == (
        "angel: feed DEAD: nothing came for 70 s; no stop fires without prices, and these are "
        f"open: {live.group().group_id}"
    )
    assert live.alerts("info")[-1] == "angel: feed FRESH: prices come"
