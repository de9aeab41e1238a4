"""A planted bug that proves nothing of the harness is told from one that was caught."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from engine.errors import NotSent
from tests.simulation.planted import bugs
from tests.simulation.planted.planting import PLANTS, Plant, swap


class Engine:
    """Something with functions that can be swapped."""

    def count(self, units: int, *, why: str = "") -> int:
        return units + len(why)

    async def send(self, units: int) -> int:
        return units


def _plant(monkeypatch: pytest.MonkeyPatch, name: str, function: Any) -> None:
    def change() -> Iterator[None]:
        yield from swap(Engine, name, function)

    monkeypatch.setitem(PLANTS, "a_bug", Plant(change, "ordinary"))


@pytest.mark.parametrize(
    ("name", "function"),
    [
        pytest.param("count", lambda _: 0, id="takes-less"),
        pytest.param("count", lambda _, __, more, why="": more or why, id="wants-more"),
        pytest.param("count", lambda _, __: 0, id="takes-no-name"),
        pytest.param("send", lambda _, __: 0, id="is-not-awaited"),
    ],
)
def test_a_planted_function_must_take_what_the_one_in_its_place_takes(
    monkeypatch: pytest.MonkeyPatch, name: str, function: Any
) -> None:
    kept = Engine.__dict__[name]
    _plant(monkeypatch, name, function)
    with pytest.raises(bugs.Stillborn, match=name), bugs.plant("a_bug"):
        pytest.fail("it was planted")
    assert Engine.__dict__[name] is kept


def test_every_planted_function_fits_the_engine() -> None:
    for name in bugs.names():
        with bugs.plant(name):
            pass


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(lambda self, *_, **__: self.no_such_thing, id="in-its-own-frame"),
        pytest.param(lambda *_, **__: int(None), id="of-a-call-it-makes-wrongly"),
    ],
)
def test_a_planted_function_that_dies_of_its_own_code_is_told_though_somebody_caught_it(
    monkeypatch: pytest.MonkeyPatch, function: Any
) -> None:
    _plant(monkeypatch, "count", function)
    with pytest.raises(bugs.Stillborn, match="Error: "), bugs.plant("a_bug"), suppress(Exception):
        Engine().count(1)


def test_what_a_bug_breaks_behind_it_and_what_it_raises_on_purpose_are_its_own_doing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any, **__: Any) -> int:
        raise NotSent("it is called so")

    _plant(monkeypatch, "count", refuse)
    with bugs.plant("a_bug"), pytest.raises(NotSent):
        Engine().count(1)

    _plant(monkeypatch, "count", lambda *_, **__: json.loads("?"))
    with bugs.plant("a_bug"), pytest.raises(json.JSONDecodeError):
        Engine().count(1)
