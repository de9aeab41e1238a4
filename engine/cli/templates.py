"""What ``engine new`` writes: a strategy that trades, its test, and its entry in the YAML."""

from __future__ import annotations

import json
from string import Template
from typing import Final, NamedTuple


class Names(NamedTuple):
    """One name in its three spellings: ``my-idea``, ``my_idea``, ``MyIdea``."""

    strategy_id: str
    module: str
    classname: str


_STRATEGY: Final = Template('''\
"""$classname: buys the at-the-money call after the open and leaves by a stop or by the clock.

A place to start from: it runs as it is. Change the parameters, then the hooks.
"""

from engine import Field, Params, Strategy, Tick, buy, time


class ${classname}Params(Params):
    """What the YAML may set. Bounds are checked before anything runs; units stand in names."""

    underlying: str = "$underlying"
    lots: int = Field(default=1, gt=0)
    enter_at: time = time(9, 20)
    leave_at: time = time(11, 0)
    stop_pct: float = Field(default=20, gt=0)


class $classname(Strategy[${classname}Params]):
    """Hold one long call for the morning."""

    def on_start(self) -> None:
        self.watch(self.params.underlying)
        self.at(self.params.enter_at, self.open_call)
        self.at(self.params.leave_at, self.leave, missed="run")

    def open_call(self) -> None:
        call = self.chain(self.params.underlying).call()
        self.watch(call)
        self.enter(buy(call, self.params.lots), name="call")

    def on_tick(self, tick: Tick) -> None:
        held = self.group("call")
        if held and held.is_held and held.loss_pct >= self.params.stop_pct:
            self.exit(held, "stop")

    def leave(self) -> None:
        self.exit("call", "time")
''')

_TEST: Final = Template("""\
from engine import time
from engine.testing import StrategyHarness
from $module import $classname


def test_it_buys_the_call_at_its_time() -> None:
    harness = StrategyHarness($classname, underlying="NIFTY")
    harness.spot(24_312.0)
    harness.advance("09:20:05")
    assert harness.group("call").is_held


def test_it_leaves_when_the_premium_has_fallen_too_far() -> None:
    harness = StrategyHarness($classname, underlying="NIFTY", stop_pct=20)
    harness.spot(24_312.0)
    harness.advance("09:20:05")
    harness.spot(24_150.0)
    harness.seconds(5)
    assert harness.group("call").is_done


def test_it_leaves_at_its_time() -> None:
    harness = StrategyHarness($classname, underlying="NIFTY", leave_at=time(9, 25))
    harness.spot(24_312.0)
    harness.advance("09:25:05")
    assert harness.group("call").is_done
""")

_ENTRY: Final = Template("""\
$strategy_id:
  uses: ./$module.py:$classname
  params:
    underlying: $underlying
    lots: 1
    enter_at: "09:20"
    leave_at: "11:00"
    stop_pct: 20
  risk: {max_loss_inr: 10000}
""")

_YAML: Final = Template("""\
mode: paper
feed:
  replay: $recording
  speed: max                # or 1, 60 ...: times real time
risk:                       # the account; a strategy may only be stricter
  max_loss_inr: 25000
strategies:
$entry""")


def strategy(names: Names, underlying: str) -> str:
    """Return the strategy's source."""
    return _STRATEGY.substitute(names._asdict(), underlying=underlying)


def test(names: Names) -> str:
    """Return the source of its test."""
    return _TEST.substitute(names._asdict())


def entry(names: Names, underlying: str, indent: int) -> str:
    """Return its entry under ``strategies``, ``indent`` spaces in."""
    text = _ENTRY.substitute(names._asdict(), underlying=json.dumps(underlying))
    return "".join(f"{' ' * indent}{line}" for line in text.splitlines(keepends=True))


def configuration(names: Names, underlying: str, recording: str) -> str:
    """Return a whole configuration that runs the strategy on ``recording``."""
    return _YAML.substitute(
        recording=json.dumps(recording, ensure_ascii=False), entry=entry(names, underlying, 2)
    )
