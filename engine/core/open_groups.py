"""The groups that are not done, by strategy: a hook asks for them at every tick of a long day."""

from __future__ import annotations

from collections.abc import Mapping

from engine.core.group import Group


class OpenGroups:
    """``every``: all groups of the session, oldest first. What is done is dropped at a look."""

    def __init__(self, every: Mapping[str, Group]) -> None:
        self._every = every
        self._open: dict[str, list[Group]] = {}

    def add(self, group: Group) -> None:
        """Note a new group."""
        self._open.setdefault(group.strategy, []).append(group)

    def of(self, strategy: str) -> list[Group]:
        """Return a strategy's groups that are not done, oldest first."""
        found = [group for group in self._open.get(strategy, ()) if not group.is_done]
        self._open[strategy] = found
        return list(found)

    def reopened(self, group: Group) -> None:
        """Take up one that was done: in its place, since groups are worked in their order."""
        of = group.strategy
        self._open[of] = [g for g in self._every.values() if g.strategy == of and not g.is_done]
