"""The scripted fault list: each fault, whom it hits, and that a typo in it is not silent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from brokers.paper import PaperConfig
from engine.errors import FileError
from engine.model.order import Purpose
from engine.model.side import Side


def fault(do: str, when: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"faults": [{"when": when or {}, "do": do, **more}]}


def test_reject_comes_after_an_accepting_reply_in_the_given_words(rig: Any) -> None:
    market = rig(**fault("reject", code="RED", reason="Margin shortfall"))
    market.frame(0)
    market.place(0, market.request())
    assert market.run(1000) == ["80 place A ACCEPTED", "80 A REJECTED 0/65 RED"]
    assert market.updates()[0].reason == "Margin shortfall"
    assert market.broker.open_orders() == ()


def test_reject_says_whose_doing_it_is_where_no_words_are_given(rig: Any) -> None:
    market = rig(**fault("reject"))
    market.place(0, market.request())
    market.run(1000)
    assert market.updates()[0].reason == "RMS: rejected by the paper broker's fault list"


@pytest.mark.parametrize(("lots", "filled"), [(1, 0), (2, 1), (3, 1), (4, 2)])
def test_fill_half_fills_half_of_the_lots_and_never_the_rest(
    lots: int, filled: int, rig: Any
) -> None:
    market = rig(**fault("fill_half"))
    market.frame(0)
    market.place(0, market.request(quantity=65 * lots))
    market.frame(1000, last=90.0, volume=65_000, asks=((90.00, 65_000),))
    market.replace(1500, quantity=65 * lots, price=Decimal(101))
    market.run(3000)
    (row,) = market.broker.open_orders()
    assert row.filled_quantity == 65 * filled
    market.cancel(4000)
    assert market.run(5000)[-1].startswith(f"4080 A CANCELLED {65 * filled}/{65 * lots}")


def test_reply_late_holds_back_everything_said_but_the_order_lives(rig: Any) -> None:
    market = rig(**fault("reply_late", delay_s=3))
    market.frame(0)
    market.place(0, market.request())
    assert market.run(3079.999) == []
    (row,) = market.broker.orders()
    assert row.filled_quantity == 65
    assert market.run(3080) == [
        "3080 place A ACCEPTED",
        "3080 A OPEN 0/65",
        "3080 A FILLED 65/65@100.05",
    ]


def test_a_reply_later_than_the_timeout_is_in_doubt_first(rig: Any) -> None:
    market = rig(**fault("reply_late", delay_s=15))
    market.frame(0)
    market.place(0, market.request())
    assert market.run(20_000) == [
        "10000 place A AMBIGUOUS timeout",
        "15080 place A ACCEPTED",
        "15080 A OPEN 0/65",
        "15080 A FILLED 65/65@100.05",
    ]


def test_a_reply_exactly_at_the_timeout_is_in_time(rig: Any) -> None:
    market = rig(**fault("reply_late", delay_s=9.92))
    market.place(0, market.request())
    assert market.run(20_000)[0] == "10000 place A ACCEPTED"


@pytest.mark.parametrize("reached", [True, False])
def test_never_reply_ends_in_doubt_and_says_whether_it_lives(rig: Any, *, reached: bool) -> None:
    market = rig(**fault("never_reply", reached=reached), reply_timeout_s=7)
    market.frame(0, asks=((100.05, 65),))
    market.place(0, market.request(quantity=130))
    market.frame(1000, last=90.0, volume=65)
    assert market.run(60_000) == ["7000 place A AMBIGUOUS timeout"]
    assert market.events[0][1].text == "no reply within 7 s"
    (row,) = market.broker.orders()
    assert row.is_silent
    assert (row.is_open, row.filled_quantity) == ((False, 130) if reached else (False, 0))


def test_never_reply_reaches_the_exchange_unless_told_otherwise(rig: Any) -> None:
    market = rig(**fault("never_reply"))
    market.frame(0)
    market.place(0, market.request(price=Decimal(99)))
    market.run(1000)
    (row,) = market.broker.open_orders()
    assert row.is_silent


MATCHES: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"strategy": "straddle-1"}, True),
    ({"strategy": "straddle"}, False),
    ({"group": "straddle"}, True),
    ({"group": "straddle-1.straddle.1"}, True),
    ({"group": "straddle-1.straddle.2"}, False),
    ({"group": "condor"}, False),
    ({"leg": 2}, True),
    ({"leg": 3}, False),
    ({"purpose": "hedge"}, True),
    ({"purpose": "entry"}, False),
    ({"attempt": 3}, True),
    ({"attempt": 1}, False),
    ({"instrument": "nifty 25aug26 24000 pe"}, True),
    ({"instrument": "nse_fo/NIFTY/2026-08-25/24000/PE"}, True),
    ({"instrument": "NIFTY 25AUG26 24000 CE"}, False),
    ({"group": "straddle", "leg": 2, "purpose": "hedge", "attempt": 3, "nth": 1}, True),
    ({"group": "straddle", "leg": 1}, False),
    ({"nth": 2}, False),
]


@pytest.mark.parametrize(("when", "hits"), MATCHES)
def test_a_fault_hits_the_placements_that_agree_in_every_key(
    when: dict[str, Any], rig: Any, *, hits: bool
) -> None:
    market = rig(**fault("reject", when))
    market.frame(0, instrument=market.put)
    request = market.request(
        instrument=market.put, leg=2, attempt=3, purpose=Purpose.HEDGE, side=Side.BUY
    )
    market.place(0, request)
    market.run(1000)
    assert (market.updates()[-1].status == "REJECTED") is hits
    assert bool(market.broker.unfired()) is not hits


def test_a_group_name_may_hold_dots(rig: Any) -> None:
    market = rig(**fault("reject", {"group": "morning.one"}))
    market.place(0, market.request(group_id="straddle-1.morning.one.12"))
    assert market.run(1000)[-1].endswith("RMS")


def test_nth_and_times_choose_which_of_the_placements_that_agree(rig: Any) -> None:
    market = rig(**fault("reject", {"nth": 2}, times=2))
    market.frame(0)
    market.place(0, *(market.request(name) for name in "ABCD"))
    assert [row for row in market.run(1000) if "REJECTED" in row] == [
        "80 B REJECTED 0/65 RMS",
        "80 C REJECTED 0/65 RMS",
    ]
    assert market.broker.unfired() == ()


def test_the_first_fault_that_applies_wins_and_the_next_waits_its_turn(rig: Any) -> None:
    first = {"when": {}, "do": "reject", "code": "1"}
    second = {"when": {}, "do": "reject", "code": "2"}
    market = rig(faults=[first, second])
    market.place(0, *(market.request(name) for name in "ABC"))
    assert [row for row in market.run(1000) if "REJECTED" in row] == [
        "80 A REJECTED 0/65 1",
        "80 B REJECTED 0/65 2",
    ]


def test_a_fault_that_never_fired_is_reported_with_what_it_waited_for(rig: Any) -> None:
    market = rig(
        faults=[
            {"when": {"group": "stradle", "leg": 1}, "do": "reject"},
            {"when": {"purpose": "exit", "nth": 3}, "do": "fill_half", "times": 2},
        ]
    )
    market.place(0, market.request(purpose=Purpose.EXIT))
    assert market.broker.unfired() == (
        (
            "paper.faults[0] (reject, when group: stradle, leg: 1): fired 0 of 1 times; "
            "0 placements agreed with it"
        ),
        (
            "paper.faults[1] (fill_half, when purpose: exit, nth: 3): fired 0 of 2 times; "
            "1 placements agreed with it"
        ),
    )


def test_a_fault_on_an_unknown_instrument_is_a_file_error(rig: Any) -> None:
    with pytest.raises(FileError, match=r"24000 CF.*nearest: NIFTY 25AUG26 24000 CE"):
        rig(**fault("reject", {"instrument": "NIFTY 25AUG26 24000 CF"}))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"slipage_ticks": 1}, "Extra inputs are not permitted"),
    ({"latency_ms": -1}, "greater than or equal to 0"),
    ({"latency_ms": float("nan")}, "finite"),
    ({"reply_timeout_s": 0}, "greater than 0"),
    (fault("reject", {"legs": 1}), "Extra inputs are not permitted"),
    (fault("rejekt"), "Input should be 'reject', 'fill_half', 'reply_late' or 'never_reply'"),
    (fault("reject", {"purpose": "entree"}), "Input should be 'entry'"),
    (fault("reject", {"nth": 0}), "greater than or equal to 1"),
    (fault("reject", times=0), "greater than or equal to 1"),
    (fault("reply_late"), "'do: reply_late' needs delay_s"),
    (fault("reject", delay_s=3), "delay_s belongs to 'do: reply_late'"),
    (fault("fill_half", reason="no"), "reason belongs to 'do: reject'"),
    (fault("fill_half", code="1"), "code belongs to 'do: reject'"),
    (fault("reply_late", delay_s=1, reached=False), "reached belongs to 'do: never_reply'"),
    ({"faults": [{"do": "reject"}]}, "Field required"),
]


@pytest.mark.parametrize(("config", "message"), WRONG)
def test_a_wrong_key_or_value_is_an_error(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PaperConfig.model_validate(config)
