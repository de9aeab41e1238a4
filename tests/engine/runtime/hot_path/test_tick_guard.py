"""What stands around every on_tick: the compiled one does to the letter what the Python does."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Params, State, Strategy
from engine.core.desk import Desk
from engine.core.kernel import Kernel
from engine.core.kernel_config import KernelConfig
from engine.core.loss_watch import LOSS_WATCH_NS, LossWatch
from engine.core.seat import Guard, SeatConfig, guard
from engine.core.timers import NEVER
from engine.core.trading_time import TradingTime
from engine.model.catalogue import Catalogue
from engine.model.effect import Keep
from engine.model.event import Armed, Started
from engine.model.instrument import Instrument
from engine.model.market import Tick
from engine.model.order import Product
from engine.model.record import StrategyHalted
from engine.native import VARIABLE, Implementation
from engine.rules.clock_time import NS_PER_S
from engine.rules.sessions import Sessions
from engine.runtime.clock import STOPWATCH_IS_MONOTONIC, stopwatch_ns
from engine.runtime.hot_path.choice import guarding
from engine.runtime.hot_path.twin import TWIN
from engine.testing import LIMITS, TRADING_DATE, nifty_chain
from risk.gate import Gate
from risk.kill_switch import KillSwitch
from risk.limits import StrategyLimits

if why := TWIN.why_not():
    pytest.skip(f"the compiled guard is not here: {why}", allow_module_level=True)

from engine.runtime.hot_path import compiled

CATALOGUE: Catalogue = nifty_chain()
TICK = Tick(CATALOGUE[0], "test", 1.0, 1, 1)
BUDGET_NS = 50_000_000
GUARDS: dict[str, Guard] = {
    "python": guard,
    "compiled": partial(compiled.TickGuard, None),
    "compiled, with the machine's stopwatch": partial(compiled.TickGuard, stopwatch_ns),
}


class Odd(BaseException):
    """None of Python's own."""


class Stopwatch:
    """Stands still but for what a hook takes."""

    def __init__(self) -> None:
        self.read = 0

    def __call__(self) -> int:
        return self.read


_NOBODY: Any = None  # Nothing is held, so nobody is asked about it.


def loop_over(desk: Desk, decode: Callable[[bytes, int], Tick], routes: list[Any]) -> Any:
    """Return a compiled loop in which every frame is ordinary."""
    size = len(CATALOGUE)
    return compiled.FrameLoop(
        desk,
        decode,
        Tick,
        Instrument,
        [None] * size,
        [b""] * size,
        [0] * size,
        bytearray(b"\1" * size),
        bytearray(size),
        desk.book.ticks,
        routes,
        LossWatch(desk, _NOBODY, _NOBODY, lambda _: None),
        LOSS_WATCH_NS,
    )


# -- one guard, alone ----------------------------------------------------------------------------


class Parts:
    """A guard and all it is given. ``told`` is what it had to tell."""

    def __init__(self, make: Guard, hook: Callable[[Any], None], **other: Any) -> None:
        self.desk = Desk(CATALOGUE, TradingTime(CATALOGUE, Sessions(), TRADING_DATE), lambda: None)
        self.told: list[Any] = []
        self.stopwatch = Stopwatch()
        given: dict[str, Any] = {
            "desk": self.desk,
            "name": "one.on_tick",
            "function": hook,
            "stopwatch": self.stopwatch,
            "budget_ns": BUDGET_NS,
            "failed": self.told.append,
            "overran": self.told.append,
            "save": lambda: self.told.append("saved"),
        }
        self.call = make(**(given | other))


@pytest.fixture(params=GUARDS.values(), ids=GUARDS.keys())
def make(request: pytest.FixtureRequest) -> Any:
    return request.param


def raising(error: BaseException | type[BaseException]) -> Callable[[Any], None]:
    def hook(_: Any) -> None:
        raise error

    return hook


def refusing(_: BaseException) -> None:
    """What ``failed`` does that lets nothing pass."""
    raise RuntimeError("refused")


def test_a_hook_is_called_under_its_name_and_saved(make: Guard) -> None:
    heard: list[Any] = []
    parts = Parts(make, lambda tick: heard.append((tick, parts.desk.hook)))
    assert parts.call(TICK) is None  # type: ignore[func-returns-value]
    assert heard == [(TICK, "one.on_tick")]
    assert parts.desk.hook == "one.on_tick"
    assert parts.told == ["saved"]


def test_without_state_nothing_is_saved(make: Guard) -> None:
    parts = Parts(make, lambda _: None, save=None)
    parts.call(TICK)
    assert parts.told == []


@pytest.mark.parametrize(
    "kind",
    [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, RecursionError, MemoryError, Odd],
)
def test_whatever_is_raised_is_handed_over_with_its_traceback(
    make: Guard, kind: type[BaseException]
) -> None:
    parts = Parts(make, raising(kind))
    parts.call(TICK)
    (error,) = parts.told
    assert type(error) is kind
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    assert trace.tb_frame.f_code.co_name == "hook"
    assert parts.desk.hook == "one.on_tick"
    assert sys.exc_info() == (None, None, None)


def test_the_error_itself_is_handed_over(make: Guard) -> None:
    error = Odd("this one")
    parts = Parts(make, raising(error))
    parts.call(TICK)
    assert parts.told == [error]
    assert error.__context__ is None


def test_what_is_raised_while_it_is_handled_names_it_and_passes(make: Guard) -> None:
    error = ValueError("first")
    with pytest.raises(RuntimeError, match="refused") as caught:
        Parts(make, raising(error), failed=refusing).call(TICK)
    assert caught.value.__context__ is error


def test_an_error_that_is_being_handled_outside_is_its_context(make: Guard) -> None:
    parts = Parts(make, raising(ValueError))
    outer = KeyError("outer")
    try:
        raise outer
    except KeyError:
        parts.call(TICK)
        assert sys.exc_info()[1] is outer
    assert parts.told[0].__context__ is outer


def test_an_error_that_is_raised_again_as_it_was_passes(make: Guard) -> None:
    def again(error: BaseException) -> None:
        raise error

    error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt) as caught:
        Parts(make, raising(error), failed=again).call(TICK)
    assert caught.value is error
    assert error.__context__ is None


@pytest.mark.parametrize(
    ("budget_ns", "took", "told"),
    [
        (5, 5, ["saved"]),
        (5, 6, [6, "saved"]),
        (0, 0, ["saved"]),
        (0, -3, ["saved"]),
        (-4, -3, [-3, "saved"]),
        (5, 5.5, [5.5, "saved"]),
        (5, 1 << 80, [1 << 80, "saved"]),
    ],
)
def test_more_than_the_budget_is_told_and_then_saved(
    make: Guard, budget_ns: int, took: Any, told: list[Any]
) -> None:
    def slow(_: Any) -> None:
        parts.stopwatch.read += took

    parts = Parts(make, slow, budget_ns=budget_ns)
    parts.call(TICK)
    assert parts.told == told


@pytest.mark.parametrize("which", ["first look", "second look", "overran", "save"])
def test_what_its_own_parts_raise_passes(make: Guard, which: str) -> None:
    looks = iter(["first look", "second look"])

    def stopwatch() -> int:
        if next(looks) == which:
            raise LookupError(which)
        return 0

    def refuse(*_: Any) -> None:
        raise LookupError(which)

    other: dict[str, Any] = {"budget_ns": -1, "stopwatch": stopwatch}
    if which in ("overran", "save"):
        other[which] = refuse
    parts = Parts(make, lambda _: None, **other)
    with pytest.raises(LookupError, match=which):
        parts.call(TICK)
    assert parts.told == ([0] if which == "save" else [])


@pytest.mark.parametrize("read", ["now", None])
def test_a_stopwatch_that_shows_no_figure_is_an_error(make: Guard, read: Any) -> None:
    with pytest.raises(TypeError):
        Parts(make, lambda _: None, stopwatch=lambda: read).call(TICK)


def test_without_a_stopwatch_it_cannot_be_called(make: Guard) -> None:
    with pytest.raises(TypeError, match="not callable"):
        Parts(make, lambda _: None, stopwatch=None).call(TICK)


@pytest.mark.parametrize("arguments", [(), (TICK, TICK)])
def test_it_takes_one_tick(make: Guard, arguments: tuple[Any, ...]) -> None:
    parts = Parts(make, lambda _: None)
    with pytest.raises(TypeError):
        parts.call(*arguments)
    with pytest.raises(TypeError):
        parts.call(TICK, other=1)  # type: ignore[call-arg]
    assert parts.told == []


def test_it_is_called_in_every_way_a_call_is_made(make: Guard) -> None:
    parts = Parts(make, lambda _: None)
    parts.call(*(TICK,))
    list(map(parts.call, (TICK,)))
    partial(parts.call, TICK)()
    assert parts.told == ["saved"] * 3


# -- the compiled one ----------------------------------------------------------------------------


@pytest.mark.skipif(not STOPWATCH_IS_MONOTONIC, reason="the stopwatch is another clock here")
def test_the_machines_stopwatch_is_read_as_python_reads_it() -> None:
    took_ns: list[int] = []

    def into_the_next_second(_: Any) -> None:
        began = stopwatch_ns()
        while stopwatch_ns() // NS_PER_S == began // NS_PER_S:
            pass
        took_ns.append(stopwatch_ns() - began)

    def of(hook: Callable[[Any], None], budget_ns: int) -> Parts:
        make = GUARDS["compiled, with the machine's stopwatch"]
        return Parts(make, hook, stopwatch=stopwatch_ns, budget_ns=budget_ns)

    fast, slow = of(lambda _: None, NEVER), of(into_the_next_second, 0)
    fast.call(TICK)
    assert fast.told == ["saved"]
    before = stopwatch_ns()
    slow.call(TICK)
    assert took_ns[0] <= slow.told[0] <= stopwatch_ns() - before
    assert slow.told[1:] == ["saved"]


def test_any_other_stopwatch_is_called() -> None:
    looks: list[int] = []

    def other() -> int:
        looks.append(stopwatch_ns())
        return looks[-1]

    Parts(GUARDS["compiled, with the machine's stopwatch"], lambda _: None, stopwatch=other).call(
        TICK
    )
    assert len(looks) == 2


@pytest.mark.parametrize("asked", Implementation)
def test_which_one_a_run_has_is_asked_for_as_for_every_hot_path(
    monkeypatch: pytest.MonkeyPatch, asked: Implementation
) -> None:
    monkeypatch.setenv(VARIABLE, asked)
    is_compiled = asked is Implementation.COMPILED
    parts = Parts(guarding(), lambda _: None)
    assert isinstance(parts.call, compiled.TickGuard) is is_compiled
    assert (guarding() is guard) is not is_compiled


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("name", 5, TypeError),
        ("budget_ns", 5.0, TypeError),
        ("budget_ns", 1 << 63, OverflowError),
        ("desk", object(), AttributeError),
        ("desk", type("Desk", (), {"hook": ""})(), TypeError),
    ],
)
def test_it_is_made_of_what_it_can_use(name: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Parts(GUARDS["compiled"], lambda _: None, **{name: value})


@pytest.mark.parametrize("called_by", ["the loop", "Python"])
def test_nothing_is_leaked_and_nothing_let_go_too_early(called_by: str) -> None:
    payload, names, acts = object(), ["".join(["a", str(n)]) for n in range(3)], [0]
    fake = Stopwatch()

    def hook(_: Any) -> None:
        acts[0] += 1
        fake.read += (acts[0] % 3) * 10**12
        if acts[0] % 5 == 0:
            raise ValueError(payload)

    stopwatches: tuple[Callable[[], int], ...] = (stopwatch_ns, fake)
    calls = [
        Parts(
            GUARDS["compiled, with the machine's stopwatch"],
            hook,
            name=name,
            budget_ns=budget_ns,
            stopwatch=stopwatch,
            failed=lambda _: None,
            overran=lambda _: None,
            save=lambda: None,
        ).call
        for name in names
        for budget_ns in (-1, 10**12)
        for stopwatch in stopwatches
    ]
    watched = [payload, hook, fake, stopwatch_ns, TICK, None, *names, *calls]
    run = _looped(calls) if called_by == "the loop" else lambda: [call(TICK) for call in calls]
    run()
    gc.collect()
    before = [sys.getrefcount(one) for one in watched]
    for _ in range(50):
        run()
    gc.collect()
    after = [sys.getrefcount(one) for one in watched]
    # What everybody uses moves by a few; what leaks here does so by a hundred.
    assert [a - b for a, b in zip(after, before, strict=True) if abs(a - b) > 20] == []
    tracemalloc.start()
    try:
        for round_ in range(300):
            if round_ == 100:
                held, _ = tracemalloc.get_traced_memory()
            run()
        assert tracemalloc.get_traced_memory()[0] - held < 10_000
    finally:
        tracemalloc.stop()


def _looped(calls: list[Callable[[Any], None]]) -> Callable[[], None]:
    """Have them called by the compiled loop, all for one frame."""
    parts = Parts(guard, lambda _: None)
    loop = loop_over(parts.desk, lambda _, __: TICK, [tuple(calls)] * len(CATALOGUE))

    def run() -> None:
        assert loop.run([1], [b""], 0, 1, NEVER) == (1, False)

    return run


def test_a_guard_that_is_part_of_a_cycle_is_collected() -> None:
    gone: list[int] = []

    class Watch:
        call: Any

        def hook(self, _: Any) -> None:
            """Nothing."""

        def __del__(self) -> None:
            gone.append(1)

    watch = Watch()
    watch.call = Parts(GUARDS["compiled"], watch.hook).call
    assert watch.call in gc.get_objects()
    del watch
    gc.collect()
    assert gone == [1]


def test_a_hook_that_lets_go_of_its_guard_runs_to_its_end() -> None:
    def hook(_: Any) -> None:
        routes.clear()
        gc.collect()

    parts = Parts(GUARDS["compiled"], hook)
    routes = [parts.call]
    del parts.call
    routes[0](TICK)
    assert parts.told == ["saved"]


# -- in the kernel -------------------------------------------------------------------------------


class Counted(State):
    count: Any = 0


ERRORS = (ValueError, SystemExit, GeneratorExit, KeyboardInterrupt, AssertionError, Odd)
STRATEGIES = ("one", "two")


class Scripted(Strategy[Params]):
    """Does at each tick what the script says next, and writes down under what name."""

    state: Counted

    def on_start(self) -> None:
        self.act: Callable[[Scripted, str], None]
        self.script: list[str] = []
        self.watch("NIFTY", depth=False)

    def on_tick(self, _: Tick) -> None:
        self.act(self, self.script.pop(0) if self.script else "nothing")


class Life:
    """A kernel with two strategies, and the story of all that came out of it."""

    def __init__(self, make: Guard, scripts: tuple[list[str], list[str]], *, looped: bool) -> None:
        sessions, self.stopwatch = Sessions(), Stopwatch()
        gate = Gate(LIMITS, {name: StrategyLimits() for name in STRATEGIES}, sessions, TRADING_DATE)
        self.kernel = kernel = Kernel(
            KernelConfig(trading_date=TRADING_DATE),
            CATALOGUE,
            sessions,
            gate,
            KillSwitch(),
            stopwatch=self.stopwatch,
            guard=make,
        )
        self.story: list[Any] = []
        made = []
        for name in STRATEGIES:
            seat, context = kernel.seat(
                SeatConfig(strategy_id=name, accounts={"paper": 1}, product=Product.INTRADAY)
            )
            strategy = Scripted(Params(), Counted(), context)
            seat.sit(strategy)
            made.append(strategy)
        kernel.handle(Started(), 1)
        for strategy, script in zip(made, scripts, strict=True):
            strategy.act, strategy.script = self.act, list(script)
        self.instrument = CATALOGUE.reference("NIFTY")
        self.loop = looped and loop_over(
            kernel.desk,
            lambda _, at: Tick(self.instrument, "test", 1.0, at, at),
            kernel.listening.on_tick,
        )

    def act(self, strategy: Scripted, what: str) -> None:
        """Do one thing of a script, as the strategy."""
        desk = self.kernel.desk
        self.story.append((desk.kseq, desk.hook, what))
        if what == "count":
            strategy.state.count += 1
        elif what == "spoil":
            strategy.state.count = object()
        elif what == "slow":
            self.stopwatch.read += BUDGET_NS + 1
        elif what == "just in time":
            self.stopwatch.read += BUDGET_NS
        elif what == "halt":
            seat = self.kernel.seats[strategy.id]
            self.kernel.halting.halt(seat, "it asked for it")
        elif what == "halt and raise":
            self.act(strategy, "halt")
            raise ValueError("as well")
        elif what == "recurse":
            self.recurse()
        elif what == "chain":
            try:
                int("x")
            except ValueError as error:
                raise KeyError("outer") from error
        else:
            for kind in ERRORS:
                if what == kind.__name__:
                    raise kind(what)

    def recurse(self) -> None:
        """Call itself without end."""
        self.recurse()

    def live(self, ticks: int) -> list[Any]:
        """Take ticks in; whoever was halted is armed again after each."""
        at = 10
        for _ in range(ticks):
            at += 1
            try:
                self.tell(self.tick(at))
            except KeyboardInterrupt as error:
                self.story.append(repr(error))
            self.tell(self.kernel.conclude(at))
            self.story.append((self.kernel.desk.hook, list(self.kernel.overruns)))
            for name, seat in self.kernel.seats.items():
                if seat.is_halted:
                    seat.strategy.state.count = 0
                    self.tell(self.kernel.handle(Armed(name, "a test", "on it goes"), at))
        return self.story

    def tick(self, at: int) -> Any:
        """Take one tick in, the way a run does."""
        if not self.loop:
            return self.kernel.handle(Tick(self.instrument, "test", 1.0, at, at), at)
        taken, is_stirred = self.loop.run([at], [b""], 0, 1, NEVER)
        assert taken == 1
        return self.kernel.conclude(at) if is_stirred else ()

    def tell(self, effects: Any) -> None:
        """Write down what came of an event."""
        self.story += [effect.record if isinstance(effect, Keep) else effect for effect in effects]


QUIET = ["nothing", "count", "slow", "just in time"]
LOUD = ["spoil", "halt", "halt and raise", "chain", *(kind.__name__ for kind in ERRORS)]
SCRIPTS = st.lists(st.sampled_from(QUIET) | st.sampled_from(LOUD), max_size=12)


@given(SCRIPTS, SCRIPTS)
def test_the_same_history_has_the_same_story(one: list[str], two: list[str]) -> None:
    ticks = max(len(one), len(two)) + 1
    plain = Life(guard, (one, two), looped=False).live(ticks)
    compiled_guard = GUARDS["compiled"]
    assert Life(compiled_guard, (one, two), looped=False).live(ticks) == plain
    assert Life(compiled_guard, (one, two), looped=True).live(ticks) == plain
    assert Life(guard, (one, two), looped=True).live(ticks) == plain


@pytest.mark.parametrize("what", [*QUIET, *LOUD, "recurse"])
@pytest.mark.parametrize("called_by", ["the loop", "Python"])
def test_each_thing_a_hook_can_do_has_the_same_story(what: str, called_by: str) -> None:
    scripts = ["count", what, "count"], ["count", "count", "count"]
    plain = Life(guard, scripts, looped=False).live(4)
    story = Life(GUARDS["compiled"], scripts, looped=called_by == "the loop").live(4)
    assert story == plain


def test_a_failure_is_told_from_the_strategys_own_line() -> None:
    life = Life(GUARDS["compiled"], (["nothing", "AssertionError"], []), looped=True)
    (halt,) = [part for part in life.live(3) if isinstance(part, StrategyHalted)]
    assert halt.why == "on_tick raised AssertionError: AssertionError"
    first, *_ = halt.traceback.splitlines()
    assert first.startswith('  File "test_tick_guard.py", line ')
    assert first.endswith(", in on_tick")


def test_whoever_halts_itself_hears_nothing_more_and_the_others_go_on() -> None:
    life = Life(GUARDS["compiled"], (["halt"], ["nothing"]), looped=True)
    life.tell(life.tick(20))
    life.tell(life.tick(21))
    heard = [part[1] for part in life.story if isinstance(part, tuple)]
    assert heard == ["one.on_tick", "two.on_tick", "two.on_tick"]
