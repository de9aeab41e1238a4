"""How a bug is planted: while it stands, one function of the engine is another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

Change = Callable[[], Iterator[None]]


class Plant(NamedTuple):
    """A bug: ``change`` has it in the engine until it is asked again, ``campaign`` must catch it."""

    change: Change
    campaign: str


PLANTS: dict[str, Plant] = {}


def planted(change: Change) -> Change:
    """Have the ordinary campaign catch a bug."""
    return planted_in("ordinary")(change)


def planted_in(campaign: str) -> Callable[[Change], Change]:
    """Have a campaign catch a bug."""

    def note(change: Change) -> Change:
        PLANTS[change.__name__] = Plant(change, campaign)
        return change

    return note


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Have something else stand in its place while inside."""
    kept = owner.__dict__[name] if isinstance(owner, type) else getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, kept)


def swap(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Do the same where a bug is nothing but that."""
    with replaced(owner, name, value):
        yield
