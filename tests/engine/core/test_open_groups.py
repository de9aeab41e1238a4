"""Asking for the open groups costs what is open, not what the day has seen."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from engine.core.open_groups import OpenGroups


class Day(dict[str, Any]):
    """All groups of a day; counts how often they are walked over."""

    walks = 0

    def values(self) -> Any:
        self.walks += 1
        return super().values()


def day_of(count: int) -> tuple[Day, OpenGroups]:
    every = Day()
    groups = OpenGroups(every)
    for number in range(count):
        every[str(number)] = group = SimpleNamespace(
            strategy="even" if number % 2 == 0 else "odd", is_done=False, number=number
        )
        groups.add(group)  # type: ignore[arg-type]
    return every, groups


def numbers(groups: OpenGroups, strategy: str = "even") -> list[int]:
    return [group.number for group in groups.of(strategy)]  # type: ignore[attr-defined]


def test_what_is_done_is_dropped_and_the_day_is_not_walked_over() -> None:
    every, groups = day_of(6)
    every["2"].is_done = True
    assert (numbers(groups), numbers(groups, "odd"), numbers(groups, "none")) == (
        [0, 4],
        [1, 3, 5],
        [],
    )
    assert every.walks == 0


def test_one_that_opens_again_is_back_in_its_place() -> None:
    every, groups = day_of(6)
    every["2"].is_done = True
    assert numbers(groups) == [0, 4]
    every["2"].is_done = False
    groups.reopened(every["2"])
    assert numbers(groups) == [0, 2, 4]


def test_the_answer_is_its_askers_own() -> None:
    _, groups = day_of(2)
    groups.of("even").clear()
    assert numbers(groups) == [0]
