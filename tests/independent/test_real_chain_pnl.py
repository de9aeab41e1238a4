"""The real chain again, by pandas and the rules' own words: every fill, charge and rupee agrees.

Nothing that is compared with comes out of the engine; it is run by its command line only.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from tests.baselines.runs import CHAIN, CHAIN_YAML, import_chain, why_not
from tests.conftest import Project
from tests.independent.chain_day import BUY, LOT, SELL, ChainDay, Contract, Fill, minute_of
from tests.independent.charges import KINDS, charges, gross, note
from tests.independent.two_strategies import Condor, Straddle

HEAD = CHAIN_YAML.partition("strategies:\n")[0] + "strategies:\n"
STRADDLE = """\
  nifty-straddle:
    uses: strategies.short_straddle:ShortStraddle
    params: {{underlying: NIFTY, enter_at: "{0.enter_at}", leave_at: "{0.leave_at}",
      last_entry_at: "{0.last_entry_at}", stop_pct: {0.stop_pct}, reentries_max: {0.reentries_max}}}
"""
CONDOR = """\
  nifty-condor:
    uses: strategies.iron_condor:IronCondor
    params: {{underlying: NIFTY, enter_at: "{0.enter_at}", leave_at: "{0.leave_at}",
      last_entry_at: "{0.leave_at}", short_delta: {0.short_delta}, wing_strikes: {0.wing_strikes},
      take_profit_pct: {0.take_profit_pct}, stop_pct: {0.stop_pct}}}
"""


class Case(NamedTuple):
    """A configuration, and the same as the rules are asked about it."""

    yaml: str
    straddle: Straddle | None
    condor: Condor | None


def _case(straddle: Straddle | None, condor: Condor | None) -> Case:
    yaml = HEAD
    yaml += STRADDLE.format(straddle) if straddle else ""
    yaml += CONDOR.format(condor) if condor else ""
    return Case(yaml, straddle, condor)


CASES = {
    "as pinned": Case(
        CHAIN_YAML,
        Straddle("11:30", "13:00", "12:45", stop_pct=25),
        Condor("11:30", "13:00", wing_strikes=2),
    ),
    "both, later, wider": _case(
        Straddle("12:05", "13:05", "12:50", stop_pct=25),
        Condor("12:00", "12:55", short_delta=0.15, wing_strikes=3),
    ),
    "a straddle alone, whose legs nobody watched": _case(
        Straddle("11:40", "12:50", "12:30", stop_pct=25, legs_are_watched=False), None
    ),
    "a straddle that is stopped and sold again": _case(
        Straddle("11:40", "13:00", "12:45", stop_pct=2, legs_are_watched=False), None
    ),
    "the same beside a condor that watches its legs": _case(
        Straddle("11:45", "13:00", "12:45", stop_pct=2, reentries_max=2),
        Condor("11:31", "13:00", take_profit_pct=10),
    ),
    "a condor that takes its profit": _case(None, Condor("11:30", "13:00", take_profit_pct=5)),
    "a condor that meets its stop": _case(None, Condor("11:55", "13:00", stop_pct=3)),
    "a condor whose wings nobody watched": _case(
        None, Condor("12:01", "12:47", short_delta=0.10, wing_strikes=4)
    ),
}


@pytest.fixture(scope="module")
def day() -> ChainDay:
    if why := why_not("real-chain"):
        pytest.skip(why)
    return ChainDay(CHAIN)


@pytest.fixture(scope="module")
def project(day: ChainDay, tmp_path_factory: pytest.TempPathFactory) -> Project:  # noqa: ARG001
    """A folder with the chain imported; ``day`` skips where there is none."""
    made = Project(tmp_path_factory.mktemp("chain"))
    import_chain(made)
    return made


def _json(project: Project, *words: str) -> Any:
    ended = project.cli(*words, "--json")
    assert (ended.code, ended.err) == (0, "")
    return json.loads(ended.out)


def _told(order: dict[str, Any]) -> tuple[str, str, int, str, int, Decimal, bool]:
    assert order["state"] == "FILLED"
    seconds = order["created_at"] // 1_000_000_000
    return (
        order["strategy"],
        order["group_id"].rpartition(".")[2],
        (seconds // 60 + 330) % 1440,
        f"{order['side']} {order['symbol']}",
        order["filled_quantity"],
        Decimal(order["average_price"]),
        order["is_exit"],
    )


def _expected(
    strategy: str, number: int, fill: Fill
) -> tuple[str, str, int, str, int, Decimal, bool]:
    side = {BUY: "BUY", SELL: "SELL"}[fill.side]
    words = f"{side} {fill.contract.symbol}"
    price = Decimal(fill.paise) / 100
    return strategy, str(number), fill.minute, words, LOT, price, fill.is_exit


@pytest.mark.parametrize("name", CASES)
def test_fills_charges_and_profit_agree_to_the_paisa(
    name: str, day: ChainDay, project: Project
) -> None:
    agree(CASES[name], day, project)


def agree(case: Case, day: ChainDay, project: Project) -> None:
    """Run a case both ways and compare everything."""
    project.yaml.write_text(case.yaml)
    summary = _json(project, "run", "strategies.yaml")
    orders = _json(project, "orders")

    by_strategy = {
        strategy: worked.fills(day)
        for strategy, worked in (("nifty-straddle", case.straddle), ("nifty-condor", case.condor))
        if worked is not None
    }
    expected = [
        _expected(strategy, number, fill)
        for strategy, groups in by_strategy.items()
        for number, fills in enumerate(groups, start=1)
        for fill in fills
    ]
    assert sorted(map(_told, orders)) == sorted(expected)

    told = {row["strategy"]: row for row in summary["strategies"]}
    assert list(told) == list(by_strategy)
    day_total = dict.fromkeys(KINDS, Decimal(0))
    for strategy, groups in by_strategy.items():
        fills = [fill for group in groups for fill in group]
        costs = charges(fills)
        row = told[strategy]
        assert Decimal(row["gross_inr"]) == gross(fills)
        assert {kind: Decimal(row["charges"][kind]) for kind in KINDS} == costs
        assert Decimal(row["net_inr"]) == gross(fills) - sum(costs.values())
        day_total = {kind: day_total[kind] + costs[kind] for kind in KINDS}
    (shown,) = summary["notes"]
    assert {kind: Decimal(shown["charges"][kind]) for kind in KINDS} == note(day_total)
    other = set(shown["charges"]) - set(KINDS)
    assert all(Decimal(shown["charges"][kind]) == 0 for kind in other)


def test_the_cases_meet_stops_profits_and_the_end_of_the_day(day: ChainDay) -> None:
    ends = {
        name: [group[-1].minute for worked in case[1:] if worked for group in worked.fills(day)]
        for name, case in CASES.items()
    }
    assert ends == {
        "as pinned": [minute_of("13:00"), minute_of("13:00")],
        "both, later, wider": [minute_of("13:05"), minute_of("12:55")],
        "a straddle alone, whose legs nobody watched": [minute_of("12:50")],
        "a straddle that is stopped and sold again": [minute_of("11:54"), minute_of("13:00")],
        "the same beside a condor that watches its legs": [
            minute_of("11:54"), minute_of("13:00"), minute_of("13:00"),
        ],
        "a condor that takes its profit": [minute_of("11:54")],
        "a condor that meets its stop": [minute_of("12:10")],
        "a condor whose wings nobody watched": [minute_of("12:47")],
    }  # fmt: skip


def test_the_charges_typed_here_are_those_of_the_worked_example() -> None:
    # market_rules.md 6.6 (b): 65 bought at 100 and sold at 120 cost 65.1069, with STT of 11.70.
    contract = Contract(24_000, "CE")
    costs = charges(
        [
            Fill(0, contract, BUY, 10_000, is_exit=False),
            Fill(0, contract, SELL, 12_000, is_exit=True),
        ]
    )
    assert round(sum(costs.values()), 4) == Decimal("65.1069")
    assert costs["stt"] == Decimal("11.70")
