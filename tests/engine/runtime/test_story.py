"""The story of a group and of an order: what it tells, in which order, in which words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.core import blotter
from engine.errors import FileError
from engine.model.approval import Check
from engine.model.command import MessageKind
from engine.model.event import ReplyOutcome
from engine.model.legs import GroupState, Leg
from engine.model.order import Amend, AmendKind, AmendState, Lifecycle
from engine.model.order_table import Trigger
from engine.model.order_update import RemoteStatus
from engine.model.record import KillRecorded, StrategyHalted
from engine.model.side import Side
from engine.runtime.readmodel import ReadModel
from engine.runtime.story import Story, tell_group, tell_order
from engine.runtime.story_find import tell
from engine.runtime.story_words import KNOWN_TRIGGERS, coded, price_text

GROUP = "condor.wings.1"


def story_of(history: Any, asked: str = GROUP) -> Story:
    with ReadModel.of(history.entries()) as model:
        return tell(model, asked, "2026-08-17-paper-01")


def lines_of(story: Story) -> list[tuple[str, str]]:
    return [(line.who, line.what) for line in story.lines]


def texts(history: Any, who: str, asked: str = GROUP) -> list[str]:
    return [line.text for line in story_of(history, asked).lines if line.who == who]


# -- the whole of it -----------------------------------------------------------------------------


def test_a_rejected_leg_is_told_from_the_asking_to_the_unwinding(rejected_leg: Any) -> None:
    assert lines_of(story_of(rejected_leg)) == [
        ("group", "DRAFT"),
        ("risk", "passed"),
        ("group", "CHECKED"),
        ("group", "WORKING"),
        ("risk", "passed"),
        ("leg 1", "APPROVED"),
        ("leg 1", "SENDING"),
        ("leg 1", "ACKED"),
        ("leg 1", "FILLED"),
        ("leg 2", "APPROVED"),
        ("leg 2", "SENDING"),
        ("leg 2", "ACKED"),
        ("leg 2", "REJECTED"),
        ("group", "UNWINDING"),
        ("alert", "warning"),
        ("leg 1 exit", "APPROVED"),
        ("leg 1 exit", "SENDING"),
        ("leg 1 exit", "ACKED"),
        ("leg 1 exit", "FILLED"),
        ("group", "UNWOUND"),
    ]


def test_every_record_of_the_group_is_told_once(rejected_leg: Any) -> None:
    told = [n for line in story_of(rejected_leg).lines for n in line.sequences]
    entries = rejected_leg.entries()
    # The boot, the feed's first frame and the close are not the group's.
    assert sorted(told) == [e.sequence for e in entries[2:-1]]


def test_lines_are_in_the_order_of_the_journal_and_of_time(rejected_leg: Any) -> None:
    lines = story_of(rejected_leg).lines
    assert [line.sequences[0] for line in lines] == sorted(line.sequences[0] for line in lines)
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert lines[0].elapsed_ns == 0
    assert lines[-1].elapsed_ns == 240_000_000


def test_the_cause_names_hook_event_and_frame(rejected_leg: Any) -> None:
    group = story_of(rejected_leg).group
    assert (group.hook, group.frame) == ("condor.open_wings", 7)


def test_why_it_went_wrong_stands_in_front(rejected_leg: Any) -> None:
    assert story_of(rejected_leg).because.endswith("REJECTED: The price is out of the LPP range")


def test_a_judgement_carries_its_checks(rejected_leg: Any) -> None:
    whole, single = (line for line in story_of(rejected_leg).lines if line.who == "risk")
    assert whole.text == "the whole group, before anything is sent: 3 checks"
    assert [c.rule for c in whole.checks] == ["session", "session", "price collar"]
    assert single.text == "leg 1: 1 check"


def test_the_result_is_profit_charges_and_what_slipped(rejected_leg: Any) -> None:
    outcome = story_of(rejected_leg).outcome
    assert outcome.gross_inr == Decimal("-9.75")
    assert outcome.charges is not None
    assert outcome.net_inr == Decimal("-9.75") - outcome.charges.total
    assert outcome.charges.brokerage == 40
    # Bought 0.05 above and sold 0.05 below what was seen, 65 units each.
    assert outcome.slippage_inr == Decimal("6.50")
    assert (outcome.naked_ns, outcome.naked_limit_s) == (0, 5.0)
    (leg,) = outcome.traded
    assert (leg.number, leg.entered_price, leg.left_price) == (
        1,
        Decimal("20.05"),
        Decimal("19.90"),
    )
    assert (leg.open_quantity, leg.cash_inr) == (0, Decimal("-9.75"))


def test_an_order_tells_its_own_part(rejected_leg: Any) -> None:
    story = story_of(rejected_leg, "LW0000000000A2")
    assert lines_of(story) == [
        ("group", "DRAFT"),
        ("risk", "passed"),
        ("leg 2", "APPROVED"),
        ("leg 2", "SENDING"),
        ("leg 2", "ACKED"),
        ("leg 2", "REJECTED"),
    ]
    assert story.because == "17070: The price is out of the LPP range"
    assert story.outcome.traded == ()
    assert story.outcome.gross_inr is None


def test_an_exit_order_is_not_told_how_the_entry_was_judged(rejected_leg: Any) -> None:
    assert ("risk", "passed") not in lines_of(story_of(rejected_leg, "LW0000000000A3"))


# -- words ---------------------------------------------------------------------------------------


def test_a_fill_says_price_slippage_in_ticks_and_rupees_and_progress(rejected_leg: Any) -> None:
    assert texts(rejected_leg, "leg 1")[-1] == (
        "bought 65 at 20.05, 1 tick (Rs 3.25) worse than the 20.00 seen when decided; 65 of 65 filled"
    )


def test_a_mid_that_is_no_exact_float_is_shown_as_the_price_it_is(history: Any) -> None:
    history.boot()
    history.plan(Leg(instrument=history.call(24_300), side=Side.SELL, lots=1))
    history.order(
        0, "LW0000000000B1", 1, Side.SELL, history.call(24_300), "86.15", decision=86.17500000000001
    )
    history.fill(5, "LW0000000000B1", 65, "86.15")
    assert texts(history, "leg 1")[-1].startswith(
        "sold 65 at 86.15, 0.5 ticks (Rs 1.63) worse than the 86.175 seen when decided"
    )
    assert story_of(history).outcome.slippage_inr == Decimal("1.625")


def test_a_partial_fill_better_than_decided_says_so(history: Any) -> None:
    history.boot()
    history.plan(Leg(instrument=history.call(24_300), side=Side.SELL, lots=2))
    history.order(
        0, "LW0000000000B1", 1, Side.SELL, history.call(24_300), "90", quantity=130, decision=90.0
    )
    history.fill(5, "LW0000000000B1", 65, "90.25")
    assert texts(history, "leg 1")[-1] == (
        "sold 65 at 90.25, 5 ticks (Rs 16.25) better than the 90.00 seen when decided; 65 of 130 filled"
    )


def test_a_second_attempt_has_a_name_of_its_own(history: Any) -> None:
    history.boot()
    history.plan(Leg(instrument=history.call(24_300), side=Side.SELL, lots=1))
    history.order(0, "LW0000000000B1", 1, Side.SELL, history.call(24_300), "90")
    history.order(9, "LW0000000000B2", 1, Side.SELL, history.call(24_300), "89", attempt=2)
    story = story_of(history)
    assert story.labels == {"LW0000000000B1": "leg 1", "LW0000000000B2": "leg 1 #2"}
    assert "attempt 2" in story.lines[-1].text


def test_an_order_without_an_answer_is_in_doubt_and_critical(history: Any) -> None:
    history.boot()
    history.plan(Leg(instrument=history.call(24_300), side=Side.SELL, lots=1))
    history.order(0, "LW0000000000B1", 1, Side.SELL, history.call(24_300), "90")
    history.send(0, "LW0000000000B1")
    history.change(
        5000,
        "LW0000000000B1",
        "REPLY_AMBIGUOUS",
        "no reply within 5 s",
        lifecycle=Lifecycle.IN_DOUBT,
    )
    line = story_of(history).lines[-1]
    assert (line.what, line.level) == ("IN_DOUBT", "critical")
    assert line.text == "no answer that settles it, and it is never sent twice: no reply within 5 s"


def test_a_chase_says_from_what_price_to_what(history: Any) -> None:
    history.boot()
    history.plan(Leg(instrument=history.call(24_300), side=Side.SELL, lots=1))
    history.order(0, "LW0000000000B1", 1, Side.SELL, history.call(24_300), "90")
    amend = Amend(
        kind=AmendKind.REPLACE, state=AmendState.WANTED, generation=1, quantity=65,
        price=Decimal("89.5"),
    )  # fmt: skip
    history.change(5, "LW0000000000B1", "WANT_REPLACE", "to 89.5", amend=amend)
    history.change(
        9, "LW0000000000B1", "SEEN_OPEN", lifecycle=Lifecycle.OPEN, price=Decimal("89.5")
    )
    assert texts(history, "leg 1")[-2:] == [
        "chased: 89.50 is asked for instead of 90.00",
        "works at its new price 89.50, it was 90.00",
    ]


def test_a_refusal_gives_the_sentence_of_risk(history: Any) -> None:
    body = history.call(24_300)
    history.boot()
    history.plan(Leg(instrument=body, side=Side.SELL, lots=3))
    failed = Check(
        rule="uncovered short", passed=False, figure="3 lots", limit="2 lots", scope="account",
        subject=f"SELL 195 {body.symbol}", largest_quantity=130,
    )  # fmt: skip
    why = "uncovered short: 3 lots, limit 2 lots; the largest quantity that passes is 130"
    history.judge(0, failed, text=why)
    history.move(0, GroupState.DRAFT, GroupState.REFUSED, why)
    story = story_of(history)
    assert lines_of(story)[1:] == [("risk", "REFUSED"), ("group", "REFUSED")]
    assert story.because == why
    assert story.lines[1].checks[0].largest_quantity == 130


def test_what_befell_the_strategy_is_told_while_the_group_lived(history: Any) -> None:
    history.boot()
    history.add(-5, StrategyHalted(history.at(-5), 1, "condor", "before it", ""))
    history.plan(Leg(instrument=history.call(24_300), side=Side.SELL, lots=1))
    history.add(5, StrategyHalted(history.at(5), 2, "condor", "it raised", ""))
    history.add(6, KillRecorded(history.at(6), 3, "all", "cancel_all", "me", "enough"))
    history.add(7, KillRecorded(history.at(7), 4, "another", "cancel_all", "me", "not ours"))
    assert lines_of(story_of(history))[1:] == [("strategy", "halted"), ("kill", "cancel_all")]


def test_every_trigger_the_core_can_write_has_its_own_sentence() -> None:
    answers = {f"{kind.upper()}_{outcome}" for kind in MessageKind for outcome in ReplyOutcome}
    # Replies to a placement are triggers of the order itself.
    answers -= {f"PLACE_{outcome}" for outcome in ReplyOutcome}
    seen = {f"SEEN_{status}" for status in RemoteStatus}
    own = {
        word
        for word in _names_in_blotter()
        if word.isupper() and word.startswith(("WANT_", "AMEND_", "CANCEL_", "REPLACE_", "SEND_"))
    } - {"CANCEL_LIVES_S"}
    missing = {str(t) for t in Trigger} | answers | seen | own
    assert missing - KNOWN_TRIGGERS == set()


def _names_in_blotter() -> set[str]:
    """The string constants of the one module that names triggers."""
    found: set[str] = set()
    for value in vars(blotter.Blotter).values():
        code = getattr(value, "__code__", None)
        found.update(c for c in (code.co_consts if code else ()) if isinstance(c, str))
    return found


def test_a_trigger_without_a_sentence_is_shown_by_its_own_name(history: Any) -> None:
    history.boot()
    history.plan(Leg(instrument=history.call(24_300), side=Side.SELL, lots=1))
    history.order(0, "LW0000000000B1", 1, Side.SELL, history.call(24_300), "90")
    history.change(1, "LW0000000000B1", "BRAND_NEW", "a note")
    assert texts(history, "leg 1")[-1] == "BRAND_NEW: a note"


@pytest.mark.parametrize(
    ("code", "words", "text"),
    [
        ("17070", "out of range", "17070: out of range"),
        ("RMS", "RMS: no funds", "RMS: no funds"),
        ("17070", None, "17070"),
        (None, "taken back", "taken back"),
        (None, None, ""),
    ],
)
def test_a_code_is_said_once(code: str | None, words: str | None, text: str) -> None:
    assert coded(code, words) == text


@pytest.mark.parametrize(
    ("price", "text"), [("90", "90.00"), ("0.05", "0.05"), ("90.5", "90.50"), ("1.2345", "1.2345")]
)
def test_a_price_has_two_places_or_more(price: str, text: str) -> None:
    assert price_text(Decimal(price)) == text


# -- finding -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "kind", "found"),
    [
        ("condor.wings.1", "group", "condor.wings.1"),
        ("condor", "group", "condor.wings.1"),
        ("LW0000000000A2", "order", "LW0000000000A2"),
        ("lw0000000000a2", "order", "LW0000000000A2"),
        ("260819000000003", "order", "LW0000000000A3"),
    ],
)
def test_an_id_or_the_start_of_one_is_enough(
    rejected_leg: Any, asked: str, kind: str, found: str
) -> None:
    story = story_of(rejected_leg, asked)
    assert (story.kind, story.id) == (kind, found)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("LW00", "may be any of LW0000000000A1, LW0000000000A2, LW0000000000A3"),
        ("2608", "may be any of"),
        ("condor.wing.1", "nearest: condor.wings.1"),
        ("LW0000000000A9", "nearest: LW0000000000A"),
        ("?", "its ids are condor.wings.1, LW0000000000A1"),
        ("", "its ids are"),
    ],
)
def test_an_id_that_means_nothing_or_too_much_says_what_there_is(
    rejected_leg: Any, asked: str, message: str
) -> None:
    with pytest.raises(FileError, match=message):
        story_of(rejected_leg, asked)


def test_a_session_in_which_nothing_was_asked_for_says_so(history: Any) -> None:
    history.boot()
    with pytest.raises(FileError, match="it has none at all"):
        story_of(history)


def test_unknown_ids_are_errors_of_the_read_model_too(rejected_leg: Any) -> None:
    with ReadModel.of(rejected_leg.entries()) as model:
        with pytest.raises(FileError, match="no group 'x'"):
            tell_group(model, "x")
        with pytest.raises(FileError, match="no order 'x'"):
            tell_order(model, "x")
