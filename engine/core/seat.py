"""A strategy's place in the kernel: its hooks, guarded, and what it listens to.

A hook that raises halts its strategy and nobody else; its groups get the exit its configuration
names. A hook that overruns its budget is reported by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final

import msgspec

from engine.author import Hooks, is_unwritten
from engine.core.desk import Desk
from engine.core.failure import Failure, describe
from engine.errors import FileError
from engine.model.arithmetic import fresh_arithmetic
from engine.model.codec import encode_state
from engine.model.instrument import Instrument
from engine.model.order import Product
from engine.model.record import StateSaved

COMMANDS_PER_EVENT_MAX = 200
"""A strategy that asks for more than this in one event is in a loop, and is halted."""

_AT_REST = ("on_order", "on_legs")
"""Told when an event settles, in arithmetic that is fresh already: unwritten, they need no call."""
_HOOKS = (
    "on_start",
    "on_tick",
    "on_depth",
    "on_bar",
    "on_order",
    "on_legs",
    "on_recovered",
    "on_stop",
)


def require_plain(name: str, hook: Callable[..., None]) -> None:
    """Raise ``FileError`` for a hook that cannot be called, or that would only begin when it is."""
    if not callable(hook):
        raise FileError(f"{name} takes a function such as self.leave, without (), not {hook!r}")
    if inspect.iscoroutinefunction(hook):
        raise FileError(
            f"{name}: {getattr(hook, '__name__', 'it')} is an async def, and hooks are plain ones; "
            "what must wait goes to self.background"
        )


class SeatConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What the YAML says of one strategy, as the kernel needs it.

    ``exits_on_error`` and ``exits_on_max_loss``: whether its groups are left when it is halted.
    """

    strategy_id: str
    accounts: dict[str, int]
    product: Product
    exits_on_error: bool = True
    exits_on_max_loss: bool = True
    seed: int = 0


class Overrun(msgspec.Struct, frozen=True):
    """A hook took ``took_ns`` of wall time, longer than its budget."""

    strategy: str
    hook: str
    took_ns: int


Guard = Callable[
    [
        Desk,
        str,
        Callable[[Any], None],
        Callable[[], int],
        int,
        Callable[[BaseException], None],
        Callable[[int], None],
        Callable[[], None] | None,
    ],
    Callable[[Any], None],
]
"""Makes of an ``on_tick`` the call the kernel makes for every tick, as ``guard`` does."""


def guard(
    desk: Desk,
    name: str,
    function: Callable[[Any], None],
    stopwatch: Callable[[], int],
    budget_ns: int,
    failed: Callable[[BaseException], None],
    overran: Callable[[int], None],
    save: Callable[[], None] | None,
) -> Callable[[Any], None]:
    """Return the call the kernel makes for every tick: ``function`` run to its end, come what may.

    ``desk.hook`` is ``name`` from then on. ``failed`` is handed what was raised; otherwise
    ``overran`` is told how long it took (ns) where that was over the budget, and ``save`` called.
    """

    def deliver(tick: Any) -> None:
        desk.hook = name
        started = stopwatch()
        try:
            function(tick)
        except BaseException as error:  # noqa: BLE001 - a strategy may raise anything
            failed(error)
            return
        took = stopwatch() - started
        if took > budget_ns:
            overran(took)
        if save is not None:
            save()

    return deliver


class Seat:
    """One strategy in the kernel; ``strategy_id`` is its id in the YAML.

    ``is_halted``: it gets no more hooks.
    ``is_recovering``: from a restart until what it held is known again it gets none either; prices
    pass it by, and whatever else came is told after ``on_recovered``.
    """

    def __init__(
        self,
        desk: Desk,
        config: SeatConfig,
        stopwatch: Callable[[], int],
        budget_ns: int,
        on_failure: Callable[[Seat, str, Failure], None],
        on_overrun: Callable[[Overrun], None],
        guard: Guard = guard,
    ) -> None:
        self._desk = desk
        self._stopwatch = stopwatch
        self._budget_ns = budget_ns
        self._on_failure = on_failure
        self._on_overrun = on_overrun
        self._guard = guard
        self.config = config
        self.strategy_id: Final = config.strategy_id
        self.strategy: Hooks
        self.is_halted = False
        self.halted_why = ""
        self.is_recovering = False
        self._kept_back: list[tuple[str, Callable[..., None], tuple[Any, ...]]] = []
        self.wants_ticks = True
        self.deliver: Callable[[Any], None]
        self.watched: dict[Instrument, bool] = {}
        self.leg_watches: dict[Instrument, int] = {}
        self.commands = 0
        self.commands_kseq = -1
        self._saved = b""
        self._has_state = False
        self._unwritten: frozenset[str] = frozenset()

    def listens_to(self, instrument: Instrument) -> bool:
        """Return True when it watches an instrument, by asking or through a group's leg."""
        return instrument in self.watched or instrument in self.leg_watches

    def has_written(self, hook: str) -> bool:
        """Return False for a hook it need not be called for: its author wrote none.

        Nor put one in its place since: a strategy may go on with another function at any time.
        """
        return hook not in self._unwritten or not is_unwritten(getattr(self.strategy, hook))

    def sit(self, strategy: Hooks, *, wants_ticks: bool = True) -> None:
        """Give the seat its strategy; ``wants_ticks`` is False when its author wrote no on_tick.

        Raises ``FileError`` when one of its hooks is no plain function.
        """
        for hook in _HOOKS:
            require_plain(hook, getattr(strategy, hook))
        self.strategy = strategy
        self.wants_ticks = wants_ticks
        state = strategy.state
        self._has_state = bool(getattr(state, "__struct_fields__", ()))
        self._saved = encode_state(state)
        if not self._has_state:
            self._unwritten = frozenset(h for h in _AT_REST if is_unwritten(getattr(strategy, h)))
        self.deliver = self._tick_caller()

    def call(self, hook: str, function: Callable[..., None], *args: Any) -> None:
        """Run a hook to its end, whatever it does."""
        if self.is_halted or not self.has_written(hook):
            return
        if self.is_recovering and hook != "on_stop":
            call = hook, function, args
            if hook not in ("on_tick", "on_depth") and call not in self._kept_back:
                self._kept_back.append(call)
            return
        desk = self._desk
        desk.hook = f"{self.strategy_id}.{hook}"
        started = self._stopwatch()
        try:
            function(*args)
        except BaseException as error:  # noqa: BLE001 - a strategy may raise anything
            desk.hook = "engine"
            self._failed(hook, error)
            return
        took = self._stopwatch() - started
        fresh_arithmetic()
        desk.hook = "engine"
        if took > self._budget_ns:
            self._on_overrun(Overrun(self.strategy_id, hook, took))
        if self._has_state:
            self._save()

    def recover(self) -> None:
        """Call ``on_recovered``, and then whatever was kept back, in its order."""
        self.is_recovering = False
        self.call("on_recovered", self.strategy.on_recovered)
        kept, self._kept_back = self._kept_back, []
        for hook, function, args in kept:
            self.call(hook, function, *args)

    def _tick_caller(self) -> Callable[[Any], None]:
        """Return ``call`` for ``on_tick`` with everything bound.

        The kernel takes it out of its routes when the strategy is halted.
        """
        return self._guard(
            self._desk,
            f"{self.strategy_id}.on_tick",
            self.strategy.on_tick,
            self._stopwatch,
            self._budget_ns,
            self._tick_failed,
            self._tick_overran,
            self._save if self._has_state else None,
        )

    def count_command(self) -> bool:
        """Count one more request in this event; False when there were too many."""
        if self.commands_kseq != self._desk.kseq:
            self.commands_kseq = self._desk.kseq
            self.commands = 0
        self.commands += 1
        return self.commands <= COMMANDS_PER_EVENT_MAX

    def _tick_failed(self, error: BaseException) -> None:
        self._failed("on_tick", error)

    def _tick_overran(self, took_ns: int) -> None:
        self._on_overrun(Overrun(self.strategy_id, "on_tick", took_ns))

    def _failed(self, hook: str, error: BaseException) -> None:
        """Report what a hook raised: anything at all but Ctrl-C, which is not its business."""
        if isinstance(error, KeyboardInterrupt):
            raise error
        failure = describe(error)
        fresh_arithmetic()
        self._on_failure(self, hook, failure)

    def _save(self) -> None:
        try:
            payload = encode_state(self.strategy.state)
        except Exception as error:  # noqa: BLE001 - an author may have put anything there
            self._failed("state", error)
            return
        if payload != self._saved:
            self._saved = payload
            desk = self._desk
            desk.states[self.strategy_id] = payload
            desk.keep(StateSaved(desk.now, desk.kseq, self.strategy_id, payload))
