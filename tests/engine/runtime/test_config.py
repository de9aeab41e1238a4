from __future__ import annotations

import textwrap
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import ConfigError, FileError
from engine.model.order import Product
from engine.runtime import config
from engine.runtime.config import Sections

Write = Callable[..., Path]
AnySections = Sections[Any, Any, Any]


def said(path: Path, sections: AnySections) -> list[str]:
    """What a configuration is told, without the folder it happens to be in."""
    with pytest.raises(ConfigError) as error:
        config.load(path, sections)
    return [line.replace(f"{path.parent}/", "") for line in str(error.value).splitlines()]


def test_a_configuration_is_read_with_its_defaults(write: Write, sections: AnySections) -> None:
    path = write()
    found = config.load(path, sections)
    assert found.recording == path.parent / "morning.arrow"
    assert found.speed is None
    assert found.seed == 7
    assert found.on_max_loss == "exit"
    assert found.risk.max_loss_inr == Decimal(20_000)
    assert found.paper.latency_ms == 10.0
    (calm,) = found.strategies
    assert calm.strategy_id == "calm"
    assert calm.accounts == {"paper": 1}
    assert calm.product is Product.INTRADAY
    assert (calm.on_error, calm.on_max_loss) == ("exit", "exit")
    assert calm.params == {"lots": 2, "entry": "09:30"}
    assert calm.limits.max_loss_inr == Decimal(5_000)
    assert found.where(*calm.path, "risk") == f"{path}:14: strategies.calm.risk"


def test_sections_may_be_left_out(write: Write, sections: AnySections) -> None:
    path = write(
        "feed: {replay: morning.arrow, speed: 60}\nstrategies:\n  a: {uses: ./calm.py:Calm}\n"
    )
    found = config.load(path, sections)
    assert found.speed == 60.0
    assert found.risk.max_loss_inr == Decimal(25_000)
    assert found.mode == "paper"


def test_a_strategy_inherits_what_happens_at_a_loss_and_may_say_otherwise(
    write: Write, sections: AnySections
) -> None:
    text = """
    on_max_loss: halt
    feed: {replay: morning.arrow}
    strategies:
      a: {uses: x:Y}
      b: {uses: x:Y, on_max_loss: exit, on_error: hold}
    """
    a, b = config.load(write(textwrap.dedent(text)), sections).strategies
    assert (a.on_max_loss, a.on_error) == ("halt", "exit")
    assert (b.on_max_loss, b.on_error) == ("exit", "hold")


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ("seed: 7", "seeed: 7", "2: seeed: unknown key; nearest: seed"),
        ("seed: 7", 'seed: "7"', '2: seed: must be a whole number; got "7", which is text; write a number without quotes'),
        ("seed: 7", "seed: -1", "2: seed: must be greater than or equal to 0; got -1"),
        ("seed: 7", "seed: 1.5", "2: seed: must be a whole number; got 1.5"),
        ("seed: 7", "seed:", "2: seed: must be a whole number; got nothing"),
        ("mode: paper", "mode: papr", "1: mode: must be 'paper' or 'live'; got papr"),
        ("mode: paper", "on_max_loss: stop", "1: on_max_loss: must be 'exit' or 'halt'; got stop"),
        ("speed: max", "speed: fast", "5: feed.speed: must be 'max' or a number; got fast"),
        ("speed: max", "speed: 0", "5: feed.speed: must be 'max' or greater than 0; got 0"),
        ("speed: max", "sped: 1", "5: feed.sped: unknown key; nearest: speed"),
        ("morning.arrow", "evening.arrow", "4: feed.replay: no such file: evening.arrow; `engine recordings generate` makes one to try things on"),
        ("max_loss_inr: 20000", "max_los_inr: 20000", "7: risk.max_los_inr: unknown key; nearest: max_loss_inr"),
        ("max_loss_inr: 20000", "max_lots: {option: many}", "7: risk.max_lots.option: must be a whole number; got many"),
        ("latency_ms: 10", "latency_ms: soon", "9: paper.latency_ms: must be a number; got soon"),
        ("uses: ./calm.py:Calm", "uses: 3", "12: strategies.calm.uses: must be text; got 3"),
        ("    uses: ./calm.py:Calm\n", "", "11: strategies.calm.uses: is missing"),
        ("    risk:", "    on_eror: exit\n    risk:", "14: strategies.calm.on_eror: unknown key; nearest: on_error"),
        ("    risk:", "    product: intra\n    risk:", "14: strategies.calm.product: must be 'intraday', 'carryforward' or 'delivery'; got intra"),
        ("    risk:", "    accounts: {}\n    risk:", "14: strategies.calm.accounts: must have at least 1 in it; got `key: value` lines"),
        ("    risk:", "    accounts: {paper: 0}\n    risk:", "14: strategies.calm.accounts.paper: must be greater than or equal to 1; got 0"),
        ("{max_loss_inr: 5000}", "{max_loss_inr: 50000}", "14: strategies.calm.risk.max_loss_inr: looser than the account's"),
        ("{max_loss_inr: 5000}", "[1]", "14: strategies.calm.risk: must be `name: value` lines; got a list"),
        ("  calm:", "  Calm one:", "11: strategies.Calm one: a strategy's name is small letters, digits and hyphens, begins with a letter and has at most 40 characters"),
        ("mode: paper", "brokers: {angel: {adapter: x, credentials: hunter2}}", "1: brokers.angel.credentials: must match pattern '^env:[A-Z][A-Z0-9_]*$'"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_told_by_file_line_and_key(
    write: Write, sections: AnySections, was: str, now: str, told: str
) -> None:
    path = write(replace=(was, now))
    assert said(path, sections) == [f"strategies.yaml:{told}"]


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        (
            "  replay: morning.arrow",
            "  repla: morning.arrow",
            ["4: feed.repla: unknown key; nearest: replay", "3: feed.replay: is missing"],
        ),
        (
            "latency_ms: 10",
            "faults: [{kid: x}]",
            ["9: paper.faults[0].kid: unknown key; nearest: kind", "9: paper.faults[0].kind: is missing"],
        ),
    ],
)  # fmt: skip
def test_a_misspelt_key_that_must_be_there_is_told_both_ways(
    write: Write, sections: AnySections, was: str, now: str, told: list[str]
) -> None:
    lines = said(write(replace=(was, now)), sections)
    assert lines[0] == "2 problems in strategies.yaml:"
    assert sorted(lines[1:]) == sorted(f"strategies.yaml:{line}" for line in told)


def test_all_that_is_wrong_is_told_at_once_by_line(write: Write, sections: AnySections) -> None:
    text = """
    mode: paper
    seed: x
    feed: {replay: gone.arrow, speed: 0}
    risk: {max: 1}
    paper: {latency: 1}
    strategies:
      a: {use: x:Y}
      b: 3
    """
    lines = said(write(textwrap.dedent(text)), sections)
    assert lines == [
        "8 problems in strategies.yaml:",
        "strategies.yaml:2: seed: must be a whole number; got x",
        "strategies.yaml:3: feed.replay: no such file: gone.arrow; `engine recordings generate` makes one to try things on",
        "strategies.yaml:3: feed.speed: must be 'max' or greater than 0; got 0",
        "strategies.yaml:4: risk.max: unknown key; nearest: max_lots",
        "strategies.yaml:5: paper.latency: unknown key; nearest: latency_ms",
        "strategies.yaml:7: strategies.a.use: unknown key; nearest: uses",
        "strategies.yaml:7: strategies.a.uses: is missing",
        "strategies.yaml:8: strategies.b: must be `name: value` lines; got 3",
    ]


def test_no_strategies_is_an_error(write: Write, sections: AnySections) -> None:
    lines = said(write("feed: {replay: morning.arrow}\nstrategies: {}\n"), sections)
    assert lines == [
        "strategies.yaml:2: strategies: must have at least 1 in it; got `key: value` lines"
    ]
    lines = said(write("feed: {replay: morning.arrow}\n"), sections)
    assert lines == ["strategies.yaml:1: strategies: is missing"]


def test_a_secret_in_the_file_is_refused_and_not_repeated(
    write: Write, sections: AnySections
) -> None:
    path = write(
        replace=(
            "mode: paper",
            "brokers: {angel: {adapter: a, credentials: hunter2-x, pin: 123456}}",
        )
    )
    lines = said(path, sections)
    assert any("brokers.angel.pin: unknown key" in line for line in lines)
    assert not any("hunter2" in line or "123456" in line for line in lines)


def test_live_needs_the_option_as_well(write: Write, sections: AnySections) -> None:
    with pytest.raises(ConfigError, match="also needs --live"):
        config.load(write(replace=("mode: paper", "mode: live")), sections)


def test_the_option_needs_the_file_as_well(write: Write, sections: AnySections) -> None:
    with pytest.raises(ConfigError, match="this file says paper; nothing was started"):
        config.load(write(), sections, live=True)


def test_live_is_not_part_of_this_version_and_says_so(write: Write, sections: AnySections) -> None:
    with pytest.raises(FileError, match="live trading is not part of this version"):
        config.load(write(replace=("mode: paper", "mode: live")), sections, live=True)


def test_the_same_settings_have_the_same_hash_wherever_they_stand(
    write: Write, sections: AnySections
) -> None:
    one = config.load(write(), sections)
    for was, now in [
        ("speed: max", "speed: 60"),
        ("mode: paper\nseed: 7", "# a remark\nseed: 7\nmode: paper"),
        ("    risk:", "    product: intraday\n    risk:"),
    ]:
        other = config.load(write(replace=(was, now)), sections)
        assert other.sha256 == one.sha256
    for was, now in [
        ("seed: 7", "seed: 8"),
        ("lots: 2", "lots: 3"),
        ("latency_ms: 10", "latency_ms: 11"),
        ("uses: ./calm.py:Calm", "uses: ./calm.py:Calmer"),
    ]:
        assert config.load(write(replace=(was, now)), sections).sha256 != one.sha256


def test_the_order_of_strategies_is_part_of_the_configuration(
    write: Write, sections: AnySections
) -> None:
    head = "feed: {replay: morning.arrow}\nstrategies:\n"
    ab = config.load(write(head + "  a: {uses: x:Y}\n  b: {uses: x:Y}\n"), sections)
    ba = config.load(write(head + "  b: {uses: x:Y}\n  a: {uses: x:Y}\n"), sections)
    assert [s.strategy_id for s in ba.strategies] == ["b", "a"]
    assert ab.sha256 != ba.sha256


TREES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "x", "max", "paper"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["mode", "feed", "replay", "risk", "strategies", "a", "uses", "params"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["mode", "feed", "risk", "paper", "strategies"]), TREES))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_tree_is_a_configuration_or_a_list_of_problems(
    write: Write, sections: AnySections, tree: dict[str, Any]
) -> None:
    import json  # noqa: PLC0415 - JSON is YAML

    path = write(json.dumps(tree))
    try:
        config.load(path, sections)
    except FileError as error:
        assert str(path) in str(error)  # noqa: PT017 - both ways are right
