"""The ``charges`` section of the YAML."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConfigError
from engine.model.tariff import Fee, Tariff
from engine.runtime import config

Write = Callable[..., Path]
FEE = "{flat_inr: 20, pct: 0.03, min_inr: 1.5}"
MINE = "{" + ", ".join(
    f"{item}: {FEE}" for item in ("delivery", "intraday", "futures", "options", "dp", "square_off")
) + "}"  # fmt: skip


@pytest.fixture
def charged(write: Write, sections: Any) -> Callable[[str], Tariff]:
    """Read a configuration with a ``charges`` section."""

    def load(section: str) -> Tariff:
        path = write()
        path.write_text(f"{path.read_text()}charges: {section}\n")
        return config.load(path, sections).charges

    return load


def test_without_it_the_plan_is_angel_ones(write: Write, sections: Any) -> None:
    assert config.load(write(), sections).charges == Tariff(plan="angelone")


def test_a_plan_per_run_and_per_account(charged: Callable[[str], Tariff]) -> None:
    tariff = charged("{plan: zerodha, accounts: {paper: aliceblue}}")
    assert tariff.plan_of("paper") == "aliceblue"
    assert tariff.plan_of("another") == "zerodha"


def test_a_plan_of_ones_own_is_read_to_the_last_digit(charged: Callable[[str], Tariff]) -> None:
    tariff = charged(f"{{plan: mine, plans: {{mine: {MINE}}}}}")
    assert tariff.own["mine"].options == Fee(
        flat_inr=Decimal(20), pct=Decimal("0.03"), min_inr=Decimal("1.5")
    )


def test_groups_and_funds(charged: Callable[[str], Tariff]) -> None:
    tariff = charged("{bse_groups: {SBIN: A}, etfs: [NIFTYBEES]}")
    assert tariff.bse_groups == {"SBIN": "A"}
    assert tariff.etfs == ("NIFTYBEES",)


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ("{plan: zeroda}", "charges.plan: no brokerage plan 'zeroda'; nearest: zerodha"),
        ("{accounts: {paper: angel}}", "charges.accounts.paper: .*nearest: angelone"),
        ("{accounts: {papr: angelone}}", "charges.accounts.papr: no strategy trades this account"),
        ("{plans: {mine: {options: {flat_inr: 20}}}}", "charges.plans.mine.delivery: is missing"),
        (f"{{plans: {{mine: {MINE.replace(FEE, '{}', 1)}}}}}", "needs flat_inr, pct or both"),
        (
            f"{{plans: {{mine: {MINE.replace('20', '-1', 1)}}}}}",
            "charges.plans.mine.delivery.flat_inr",
        ),
        ("{bse_groups: {SBIN: Q}}", "no charge is known for group 'Q'"),
        ("{pln: zerodha}", "unknown key; nearest: plan"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    charged: Callable[[str], Tariff], section: str, says: str
) -> None:
    with pytest.raises(ConfigError, match=rf"strategies\.yaml:\d+: .*{says}"):
        charged(section)


def test_it_is_part_of_what_a_run_is(write: Write, sections: Any) -> None:
    one = config.load(write(), sections)
    path = write()
    path.write_text(f"{path.read_text()}charges: {{plan: zerodha}}\n")
    assert config.load(path, sections).sha256 != one.sha256
