from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvariantBroken
from engine.model.legs import GroupState
from engine.model.legs_state import TRANSITIONS, GroupTrigger, Special, least_settled, move

S, T = GroupState, GroupTrigger


def test_every_state_answers_every_trigger() -> None:
    assert set(TRANSITIONS) == set(GroupState)
    for state, row in TRANSITIONS.items():
        assert set(row) == set(GroupTrigger), state


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(GroupState, 2)))
def test_a_group_is_over_when_all_its_parts_are(one: GroupState, other: GroupState) -> None:
    state = least_settled([one, other])
    assert state is least_settled([other, one])
    assert state.is_terminal == (one.is_terminal and other.is_terminal)


@pytest.mark.parametrize(("state", "trigger"), list(itertools.product(GroupState, GroupTrigger)))
def test_a_part_moves_as_its_cell_or_it_is_our_own_bug(
    state: GroupState, trigger: GroupTrigger
) -> None:
    after = TRANSITIONS[state][trigger]
    if after is Special.IMPOSSIBLE:
        with pytest.raises(InvariantBroken, match=f"{state} cannot meet {trigger}"):
            move(state, trigger, GroupState.WORKING)
    elif after is Special.BACK:
        assert move(state, trigger, GroupState.WORKING) is GroupState.WORKING
    else:
        assert move(state, trigger) is after


@pytest.mark.parametrize(
    "path",
    [
        [(T.APPROVED, S.CHECKED), (T.FIRST_SEND, S.WORKING), (T.ALL_FILLED, S.HELD)],
        [(T.REFUSED, S.REFUSED)],
        [(T.KILL, S.REFUSED)],
        [(T.APPROVED, S.CHECKED), (T.KILL, S.KILLED), (T.NOTHING_FILLED, S.UNWOUND)],
        [
            (T.APPROVED, S.CHECKED),
            (T.FIRST_SEND, S.WORKING),
            (T.LEG_FAILED_UNWIND, S.UNWINDING),
            (T.ALL_FILLED, S.UNWINDING),
            (T.FLAT, S.UNWOUND),
            (T.FILLED_LATE, S.UNWINDING),
            (T.CANNOT_FLATTEN, S.STRANDED),
            (T.EXIT_WANTED, S.EXITING),
            (T.FLAT, S.CLOSED),
        ],
        [
            (T.APPROVED, S.CHECKED),
            (T.FIRST_SEND, S.WORKING),
            (T.LEG_FAILED_HOLD, S.PARTIAL_HELD),
            (T.EXIT_WANTED, S.EXITING),
            (T.KILL, S.KILLED),
            (T.FLATTEN_WANTED, S.EXITING),
            (T.FLAT, S.CLOSED),
            (T.FILLED_LATE, S.EXITING),
        ],
        [(T.APPROVED, S.CHECKED), (T.FIRST_SEND, S.WORKING), (T.NOTHING_FILLED, S.UNWOUND)],
    ],
)
def test_the_lives_of_a_part(path: list[tuple[GroupTrigger, GroupState]]) -> None:
    state = GroupState.DRAFT
    for trigger, expected in path:
        state = move(state, trigger)
        assert state is expected


@pytest.mark.parametrize(
    "before",
    [S.WORKING, S.HELD, S.PARTIAL_HELD, S.UNWINDING, S.EXITING, S.STRANDED, S.KILLED],
)
def test_a_stuck_part_goes_back_to_where_it_came_from(before: GroupState) -> None:
    assert move(before, T.LEG_UNKNOWN) is S.STUCK
    assert move(S.STUCK, T.LEGS_KNOWN, before) is before


def test_a_stuck_part_without_a_past_is_our_own_bug() -> None:
    for came_from in (None, S.STUCK):
        with pytest.raises(InvariantBroken, match="came from"):
            move(S.STUCK, T.LEGS_KNOWN, came_from)


def test_nothing_is_decided_about_a_stuck_part() -> None:
    outcomes = {after for after in TRANSITIONS[S.STUCK].values() if isinstance(after, GroupState)}
    assert outcomes == {S.STUCK}


def test_only_states_that_have_sent_something_can_become_stuck() -> None:
    can = {s for s in GroupState if TRANSITIONS[s][T.LEG_UNKNOWN] is S.STUCK}
    assert can == set(GroupState) - {S.DRAFT, S.CHECKED, S.REFUSED, S.UNWOUND, S.CLOSED}


def test_a_finished_part_is_opened_again_by_a_late_fill_only() -> None:
    for state in GroupState:
        if state.is_terminal:
            reopening = {
                trigger
                for trigger, after in TRANSITIONS[state].items()
                if isinstance(after, GroupState) and after is not state
            }
            assert reopening <= {T.FILLED_LATE}


def test_a_kill_reaches_every_state() -> None:
    assert all(TRANSITIONS[state][T.KILL] is not Special.IMPOSSIBLE for state in GroupState)


@given(st.lists(st.sampled_from(GroupTrigger), max_size=30))
def test_no_history_leaves_the_table_or_sends_for_a_part_that_was_refused(
    triggers: list[GroupTrigger],
) -> None:
    state, came_from, was_sent = S.DRAFT, None, False
    for trigger in triggers:
        before = state
        try:
            state = move(state, trigger, came_from)
        except InvariantBroken:
            assert TRANSITIONS[before][trigger] in {Special.IMPOSSIBLE, Special.BACK}
            continue
        if state is S.STUCK and before is not S.STUCK:
            came_from = before
        was_sent = was_sent or trigger is T.FIRST_SEND
        if state in {S.WORKING, S.HELD, S.PARTIAL_HELD}:
            assert was_sent
        if before is S.REFUSED:
            assert state is S.REFUSED
