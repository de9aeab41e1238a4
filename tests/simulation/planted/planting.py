"""How a bug is planted: while it stands, one function of the engine is another one.

A planted function that does not fit where it stands ends the day as well, and would look like a bug
that was caught. So it must take what the one in its place takes, and what it dies of by itself is
noted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import Parameter, iscoroutinefunction, isfunction, signature
from traceback import walk_tb
from typing import Any, NamedTuple

from engine.errors import LegworkError

Change = Callable[[], Iterator[None]]


class Plant(NamedTuple):
    """A bug: ``change`` has it in the engine until it is asked again, ``campaign`` must catch it."""

    change: Change
    campaign: str


PLANTS: dict[str, Plant] = {}
DEATHS: list[str] = []
"""What planted functions died of by themselves, since somebody looked last."""


class Stillborn(Exception):
    """A planted function does not fit, or died of its own code: nothing was shown of its bug."""


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
    original = getattr(owner, name)
    setattr(owner, name, _watched(value))
    try:
        if callable(original):
            _require_fit(name, original, getattr(owner, name))
        yield
    finally:
        setattr(owner, name, kept)


def swap(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Do the same where a bug is nothing but that."""
    with replaced(owner, name, value):
        yield


def _require_fit(name: str, original: Callable[..., Any], planted: Callable[..., Any]) -> None:
    """Raise ``Stillborn`` where a call that fits the original does not fit what stands for it."""
    asked = signature(original).parameters.values()
    for called in (asked, [p for p in asked if p.default is Parameter.empty]):
        in_order = [p for p in called if p.kind <= Parameter.POSITIONAL_OR_KEYWORD]
        by_name = {p.name: p for p in called if p.kind is Parameter.KEYWORD_ONLY}
        try:
            signature(planted).bind(*in_order, **by_name)
        except TypeError as error:
            raise Stillborn(f"{name} takes {signature(original)}: {error}") from error
    if iscoroutinefunction(original) is not iscoroutinefunction(planted):
        raise Stillborn(f"{name} is awaited, or what stands for it is, and not both")


def _watched(value: Any) -> Any:
    """Return a planted function that notes what it dies of; whatever else is planted, as it is."""
    if isinstance(value, staticmethod):
        return staticmethod(_watched(value.__func__))
    if not isfunction(value):
        return value
    if iscoroutinefunction(value):

        @wraps(value)
        async def awaited(*args: Any, **named: Any) -> Any:
            with _noting_death(value.__code__.co_filename):
                return await value(*args, **named)

        return awaited

    @wraps(value)
    def called(*args: Any, **named: Any) -> Any:
        with _noting_death(value.__code__.co_filename):
            return value(*args, **named)

    return called


@contextmanager
def _noting_death(written_in: str) -> Iterator[None]:
    """Note an error that the code of a planted function raised itself, whoever catches it.

    ``written_in``: the file it stands in; a call that does not fit it fails in this one. An error
    of the engine's kind is what a bug may well raise on purpose.
    """
    try:
        yield
    except Exception as error:
        *_, (innermost, _) = walk_tb(error.__traceback__)
        is_own = innermost.f_code.co_filename in {written_in, __file__}
        if is_own and not isinstance(error, LegworkError):
            DEATHS.append(f"{type(error).__name__}: {error}")
        raise
