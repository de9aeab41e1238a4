"""How alive every feed is, and what a silent one leaves unwatched."""

from __future__ import annotations

from collections.abc import Mapping

from engine.core.desk import Desk
from engine.core.group import Group
from engine.model.event import FeedHealthChanged, HealthState


class FeedHealth:
    """``states`` by source. A person is told of every change, and of what is open meanwhile."""

    def __init__(self, desk: Desk, groups: Mapping[str, Group]) -> None:
        self._desk = desk
        self._groups = groups
        self.states: dict[str, HealthState] = {}

    def changed(self, event: FeedHealthChanged) -> None:
        """A feed became fresh, stale or dead."""
        self.states[event.source] = event.state
        text = f"feed {event.state}: {event.why}"
        if event.state is HealthState.FRESH:
            self._desk.alert("info", event.source, text)
            return
        unwatched = [group_id for group_id, group in self._groups.items() if group.is_open]
        if unwatched:
            text += f"; no stop fires without prices, and these are open: {', '.join(unwatched)}"
        self._desk.alert("critical", event.source, text)
