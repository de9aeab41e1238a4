from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from engine.errors import ConfigError
from risk.limits import AccountLimits, StrategyLimits, set_by, stricter

ACCOUNT = AccountLimits(max_group_loss_inr=Decimal(20_000))


def own(**limits: Any) -> StrategyLimits:
    return StrategyLimits.model_validate(limits)


def test_the_yaml_of_the_design_is_understood() -> None:
    limits = AccountLimits.model_validate(
        {
            "max_loss_inr": 25000,
            "max_order_value_inr": {
                "premium": 1000000,
                "futures_notional": 5000000,
                "cash": 1000000,
            },
            "max_uncovered_short_lots": 2,
        }
    )
    assert limits.max_loss_inr == Decimal(25000)
    assert limits.max_order_value_inr.futures_notional == Decimal(5_000_000)
    assert limits.max_uncovered_short_lots == 2
    assert limits.max_order_lots == 10


def test_a_strategy_inherits_what_it_leaves_out() -> None:
    merged = stricter(ACCOUNT, own(max_loss_inr=6000, max_order_value_inr={"cash": 5}), "s")
    assert merged.max_loss_inr == Decimal(6000)
    assert merged.max_order_value_inr.cash == Decimal(5)
    assert merged.max_order_value_inr.premium == ACCOUNT.max_order_value_inr.premium
    assert merged.max_open_orders == ACCOUNT.max_open_orders
    assert stricter(ACCOUNT, own(), "s") == ACCOUNT


LOOSER: list[tuple[dict[str, Any], str]] = [
    ({"max_loss_inr": 25001}, "max_loss_inr: 25001 .* 25000"),
    ({"max_order_value_inr": {"premium": 1000001}}, "max_order_value_inr.premium: 1000001"),
    ({"max_order_value_inr": {"futures_notional": 9000000}}, "futures_notional: 9000000"),
    ({"max_order_value_inr": {"cash": 2000000}}, "cash: 2000000"),
    ({"max_order_lots": 11}, "max_order_lots: 11 .* 10"),
    ({"max_open_orders": 51}, "max_open_orders: 51 .* 50"),
    ({"max_position_lots": 21}, "max_position_lots: 21 .* 20"),
    ({"max_uncovered_short_lots": 1}, "max_uncovered_short_lots: 1 .* 0"),
    ({"max_group_loss_inr": 20001}, "max_group_loss_inr: 20001 .* 20000"),
    ({"entries_after_open_s": 59}, "entries_after_open_s: 59.0 .* 60.0"),
    ({"entries_before_close_s": 1199}, "entries_before_close_s: 1199.0 .* 1200.0"),
    ({"reference_max_age_s": {"option": 6}}, "reference_max_age_s.option: 6.0 .* 5.0"),
    ({"collar_pct": {"future": 2}}, "collar_pct.future: 2 .* 1"),
    ({"collar_floor_inr": {"option": 4}}, "collar_floor_inr.option: 4 .* 3"),
    ({"max_rejections": 4}, "max_rejections: 4 .* 3"),
    ({"duplicate_window_s": 0.5}, "duplicate_window_s: 0.5 .* 1.0"),
]


@pytest.mark.parametrize(("limits", "message"), LOOSER)
def test_a_looser_strategy_is_an_error_that_names_the_key_and_both_values(
    limits: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=rf"strategies\.nifty\.risk\..*{message}"):
        stricter(ACCOUNT, own(**limits), "nifty")


def test_every_limit_a_strategy_can_set_is_held_against_the_account() -> None:
    tried = {name for limits, _ in LOOSER for name in limits}
    assert tried == set(StrategyLimits.model_fields)


def test_a_limit_the_account_does_not_have_may_be_any_of_the_strategy_s_own() -> None:
    assert AccountLimits().max_group_loss_inr is None
    merged = stricter(AccountLimits(), own(max_group_loss_inr=90_000_000), "s")
    assert merged.max_group_loss_inr == Decimal(90_000_000)


def test_the_governor_s_limits_are_the_account_s_alone() -> None:
    alone = set(AccountLimits.model_fields) - set(StrategyLimits.model_fields)
    assert alone == {
        "messages_per_window",
        "message_window_s",
        "messages_per_calendar_second",
    }


def test_the_same_or_stricter_is_allowed_for_every_limit() -> None:
    same = own(**ACCOUNT.model_dump(exclude={"max_order_value_inr"} | {
        "messages_per_window", "message_window_s", "messages_per_calendar_second",
    }))  # fmt: skip
    assert stricter(ACCOUNT, same, "s") == ACCOUNT
    assert set(set_by(same)) == set(StrategyLimits.model_fields) - {"max_order_value_inr"}


@pytest.mark.parametrize(
    "limits",
    [
        {"max_los_inr": 1},
        {"max_loss_inr": 0},
        {"max_loss_inr": -5},
        {"max_loss_inr": "NaN"},
        {"max_order_lots": 0},
        {"max_order_lots": 1.5},
        {"max_uncovered_short_lots": -1},
        {"max_order_value_inr": {"premium": 100_000_001}},
        {"max_order_value_inr": {"premiums": 1}},
        {"collar_pct": {"option": 101}},
        {"messages_per_window": 10},
        {"message_window_s": 1.0},
        {"messages_per_calendar_second": 9},
        {"entries_before_close_s": -1},
        {"reference_max_age_s": {"option": float("inf")}},
    ],
)
def test_a_misspelt_or_impossible_limit_is_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AccountLimits.model_validate(limits)


def test_limits_do_not_change() -> None:
    with pytest.raises(ValidationError):
        ACCOUNT.max_order_lots = 5  # type: ignore[misc]
