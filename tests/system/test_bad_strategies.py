"""A strategy that misbehaves harms itself: its groups are left, the others go on trading."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from engine.model.record import GroupMoved, OrderFilled, SessionClosed, StrategyHalted

GOOD = """
    class Good(Strategy[Params]):
        def on_start(self):
            self.watch("NIFTY")
            self.at(time(9, 16, 5), self.go)
            self.at(time(9, 17, 40), self.leave)

        def go(self):
            call, put = self.chain("NIFTY").at_the_money()
            self.enter(buy(call, 1), name="steady")

        def leave(self):
            self.exit("steady")
"""
BAD = """
    class Kept(State):
        count: int = 0
        thing: object = None

    class Bad(Strategy[Params]):
        state: Kept

        def on_start(self):
            self.watch("NIFTY")
            self.watch(self.future("NIFTY"), depth=True)
            self.bars("NIFTY", "5s")
            self.at(time(9, 16, 5), self.go)

        def go(self):
            call, put = self.chain("NIFTY").at_the_money()
            self.enter(sell(call, 1), sell(put, 1), name="pair")
            self.at(time(9, 17), self.turn)

        def turn(self):
            pass

        def then(self, result):
            pass
"""
ENTRIES = """
  good: {uses: './own.py:Good'}
  bad: {uses: './own.py:Bad'%s}
  better: {uses: './own.py:Good'}
"""


def _run(project: Any, morning: Path, body: str, *, more: str = "", verify: int = 0) -> Any:
    source = (
        textwrap.dedent(GOOD)
        + textwrap.dedent(BAD)
        + textwrap.indent(textwrap.dedent(body), "    ")
    )
    project.write(source, tape=morning, entries=ENTRIES % more)
    ended = project.cli("run", "strategies.yaml")
    assert ended.code == (3 if "HALTED" in ended.out else 0), ended.err
    assert ended.err == ""
    assert project.cli("replay", "--verify").code == verify
    assert project.leftovers() == []
    return ended


def _halts(project: Any) -> dict[str, str]:
    return {record.strategy: record.why for record in project.records(StrategyHalted)}


def _net(project: Any) -> dict[str, int]:
    net: dict[str, int] = {}
    for record in project.records(OrderFilled):
        fill = record.fill
        net[fill.strategy] = net.get(fill.strategy, 0) + fill.side.sign * fill.quantity
    return net


HOOKS = {
    "on_tick": "def on_tick(self, tick):\n    if self.now.time() > time(9, 16, 30): {fault}",
    "on_depth": "def on_depth(self, depth):\n    if self.now.time() > time(9, 16, 30): {fault}",
    "on_bar": "def on_bar(self, bar):\n    if self.now.time() > time(9, 16, 30): {fault}",
    "on_legs": "def on_legs(self, group):\n    if group.state == 'HELD': {fault}",
    "on_order": "def on_order(self, order):\n    if order.filled_quantity: {fault}",
    "turn": "def turn(self):\n    {fault}",
    "then": (
        "def turn(self):\n    self.background(self.work(), self.then)\n"
        "async def work(self):\n    return 1\n"
        "def then(self, result):\n    {fault}"
    ),
}


@pytest.mark.parametrize(
    ("hook", "fault"),
    [
        *((hook, "raise ValueError('on purpose')") for hook in HOOKS),
        ("on_tick", "raise SystemExit(0)"),
        ("turn", "raise SystemExit(0)"),
    ],
)
def test_what_raises_in_a_hook_is_halted_and_its_groups_are_left(
    project: Any, morning: Path, hook: str, fault: str
) -> None:
    ended = _run(project, morning, HOOKS[hook].format(fault=fault))
    why = _halts(project)
    assert list(why) == ["bad"]
    assert why["bad"].startswith(f"{hook} raised ")
    assert "HALTED bad" in ended.out
    assert _net(project) == {"good": 0, "bad": 0, "better": 0}
    assert "CLOSED" in {
        r.after for r in project.records(GroupMoved) if r.group_id == "good.steady.1"
    }


def test_what_raises_in_on_stop_is_said(project: Any, morning: Path) -> None:
    _run(project, morning, "def on_stop(self):\n    raise ValueError('too late')")
    assert _halts(project) == {"bad": "on_stop raised ValueError: too late"}


def test_a_halted_strategy_may_be_told_to_hold(project: Any, morning: Path) -> None:
    _run(project, morning, "def turn(self):\n    1 / 0", more=", on_error: hold")
    assert _net(project) == {"good": 0, "bad": -130, "better": 0}


NONSENSE = {
    "a limit of NaN": ("self.place(buy(c, 1, limit=float('nan')))", "nan is not a price"),
    "an infinite limit": ("self.place(buy(c, 1, limit=float('inf')))", "inf is not a price"),
    "a limit below zero": ("self.place(buy(c, 1, limit=-5))", "not above 0"),
    "a trigger of NaN": ("self.place(buy(c, 1, limit=5, trigger=float('nan')))", "not a price"),
    "zero lots": ("self.place(buy(c, 0))", "lots must be a whole number"),
    "half a lot": ("self.place(buy(c, 0.5))", "lots must be a whole number"),
    "more lots than there are": ("self.place(buy(c, 10**30))", "lots must be a whole number"),
    "an index": ("self.place(buy(self.instrument('NIFTY'), 1))", "cannot be traded"),
    "a name": ("self.place(buy('NIFTY', 1))", "takes an instrument"),
    "no leg": ("self.enter(name='x')", "at least one leg"),
    "no name": ("self.enter(buy(c, 1), name='')", "name is a word"),
    "an option there is not": ("self.enter(buy(c, 1), name='x', hurry=1)", "no option 'hurry'"),
    "an unknown policy": ("self.enter(buy(c, 1), name='x', on_failure='pray')", "pray"),
    "the same name twice": ("self.enter(buy(c, 1), name='pair')", "is still"),
    "another's group": ("self.exit(7)", "is not a group of bad"),
    "two legs changed": ("self.modify('pair', limit=5)", "only one can be modified"),
    "an endless loop": ("\n    while True:\n        self.exit('pair')", "this is a loop"),
    "endless groups": (
        "\n    for n in range(10**9):\n        self.enter(buy(c, 1), name=f'x{n}')",
        "this is a loop",
    ),
    "an appointment it always misses": (
        "self.at(time(9, 0), self.turn, missed='run')",
        "this is a loop",
    ),
    "no pause between calls": ("self.every(1e-12, self.turn)", "self.every takes seconds"),
    "recursion": ("self.turn()", "calls itself without end"),
    "an instrument nobody knows": ("self.watch('NIFTIE')", "no instrument 'NIFTIE'"),
    "bars nobody has": ("self.bars('NIFTY', '7m')", "no bars of '7m'"),
    "a strike outside the chain": ("self.chain('NIFTY').call(50)", "outside the chain"),
    "work that is none": ("self.background(5, self.then)", "takes a coroutine"),
    "an instrument changed": ("c.lot_size = 1", "does not change"),
    "state that cannot be kept": ("self.state.thing = object()", "has no written form"),
    "no state at all": ("del self.state", "state"),
}


@pytest.mark.parametrize("what", list(NONSENSE))
def test_nonsense_halts_who_asked_for_it(project: Any, morning: Path, what: str) -> None:
    asked, why = NONSENSE[what]
    body = f"def turn(self):\n    c = self.chain('NIFTY').call(0)\n    {asked}"
    _run(project, morning, body)
    halts = _halts(project)
    assert list(halts) == ["bad"]
    assert why in halts["bad"]
    assert _net(project) == {"good": 0, "bad": 0, "better": 0}


HARMLESS = {
    "an error that cannot speak": (
        "class Mute(Exception):\n        def __str__(self): raise RuntimeError\n    raise Mute",
        True,
    ),
    "an error that cannot be written": ("raise ValueError('\\ud800')", True),
    "a cancellation": ("import asyncio; raise asyncio.CancelledError", True),
    "words that cannot be written": ("self.log.info('\\ud800', x='\\ud800', n=2**80)", False),
    "a huge price": ("self.place(buy(self.chain('NIFTY').call(0), 1, limit=1e300))", False),
    "work that exits": (
        "async def work(): raise SystemExit(3)\n    self.background(work(), self.then)",
        False,
    ),
    "work whose result cannot be written": (
        "async def work(): return object()\n    self.background(work(), self.then)",
        False,
    ),
    "a slow hook": ("import time as t; t.sleep(0.08)", False),
}


@pytest.mark.parametrize("what", list(HARMLESS))
def test_the_engine_survives(project: Any, morning: Path, what: str) -> None:
    asked, halts = HARMLESS[what]
    _run(project, morning, f"def turn(self):\n    {asked}")
    assert list(_halts(project)) == (["bad"] if halts else [])
    net = _net(project)
    assert (net["good"], net["better"]) == (0, 0)


def test_a_strategys_own_decimal_precision_is_not_the_ledgers(project: Any, morning: Path) -> None:
    project.write(project.STRADDLE, tape=morning)
    plain = project.cli("run", "strategies.yaml").out
    source = textwrap.dedent(project.STRADDLE)
    precise = f"import decimal\ndecimal.getcontext().prec = 3\n{source}"
    project.write(precise, tape=morning)
    ended = project.cli("run", "strategies.yaml")
    assert (ended.code, ended.err) == (0, "")
    figures = [line for line in ended.out.splitlines() if line.startswith("one ")]
    assert figures == [line for line in plain.splitlines() if line.startswith("one ")]


def test_a_slow_hook_is_named(project: Any, morning: Path) -> None:
    ended = _run(project, morning, "def turn(self):\n    import time as t; t.sleep(0.08)")
    assert "turn took" in ended.out


def test_work_asked_for_at_the_end_is_not_begun(project: Any, morning: Path) -> None:
    # A coroutine that is never awaited would be a warning on stderr, in its own process an error.
    body = "async def work(self): return 1\ndef on_stop(self):\n    self.background(self.work(), self.then)"
    source = textwrap.dedent(GOOD) + textwrap.dedent(BAD) + textwrap.indent(body, "    ")
    project.write(source, tape=morning, entries=ENTRIES % "")
    ended = project.engine("run", "strategies.yaml")
    assert (ended.code, ended.err) == (0, "")


def test_what_is_asked_for_at_the_end_goes_nowhere(project: Any, morning: Path) -> None:
    body = (
        "def on_stop(self):\n"
        "    self.exit('pair')\n"
        "    self.enter(buy(self.chain('NIFTY').call(0), 1), name='late')"
    )
    _run(project, morning, body)
    *_, last = project.records(object)
    assert isinstance(last, SessionClosed)
    assert _net(project)["bad"] == -130


@pytest.mark.parametrize(
    ("hook", "why"),
    [
        ("raise ValueError('no')", "strategy bad: on_start raised ValueError: no"),
        ("raise SystemExit(0)", "strategy bad: on_start raised SystemExit: 0"),
        ("self.watch('NIFTIE')", "strategy bad: no instrument 'NIFTIE'"),
        ("self.bars('NIFTY', '7m')", "strategy bad: no bars of '7m'"),
    ],
)
def test_a_strategy_that_cannot_start_starts_nothing(
    project: Any, morning: Path, hook: str, why: str
) -> None:
    source = (
        textwrap.dedent(GOOD)
        + textwrap.dedent(BAD)
        + f"\n    def on_start(self):\n        {hook}\n"
    )
    project.write(source, tape=morning, entries=ENTRIES % "")
    ended = project.cli("run", "strategies.yaml")
    assert ended.code == 2
    assert ended.err.startswith(why)
    assert ended.err.count("\n") == 1
    assert project.sessions() == []
