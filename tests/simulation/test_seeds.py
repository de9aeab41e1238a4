"""The short form of the simulation; the long one is a command (``python -m tests.simulation``)."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.__main__ import SHORT_DAY_S
from tests.simulation.campaign import MET
from tests.simulation.day import run
from tests.simulation.nemesis import CAMPAIGNS
from tests.simulation.planted import bugs


@pytest.mark.parametrize("seed", range(24))
def test_everything_holds_through_faults_and_deaths(seed: int) -> None:
    outcome = run(seed)
    assert not outcome.violation, f"python -m tests.simulation --seed {seed}"
    assert outcome.trades


@pytest.mark.parametrize(
    "campaign",
    [
        pytest.param("late", id="orders-turn-up-after-their-absence-was-proven"),
        pytest.param("kills", id="a-person-kills-before-the-first-byte"),
    ],
)
def test_everything_holds_in_a_campaign_that_meets_what_it_is_for(campaign: str) -> None:
    met = Counter[str]()
    for seed in range(8):
        outcome = run(seed, campaign=campaign)
        told = f"python -m tests.simulation --campaign {campaign} --seed {seed}"
        assert not outcome.violation, told
        met += outcome.counts
    assert all(met[name] for name in MET[campaign]), met


@pytest.mark.parametrize("point", range(1, 900, 45))
def test_a_death_at_any_point_of_the_disk_loses_and_doubles_nothing(point: int) -> None:
    outcome = run(0, scale=0, deaths=0, dies_at_point=point, trades_for_s=SHORT_DAY_S)
    assert not outcome.violation


@pytest.mark.parametrize("turn", range(1, 900, 60))
def test_a_death_before_any_turn_of_the_loop_loses_and_doubles_nothing(turn: int) -> None:
    outcome = run(0, scale=0, deaths=0, dies_at_turn=turn, trades_for_s=SHORT_DAY_S)
    assert not outcome.violation


@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_the_same_seed_gives_the_same_day(campaign: str) -> None:
    first, second = run(11, campaign=campaign), run(11, campaign=campaign)
    assert (first.trace, first.story) == (second.trace, second.story)


@pytest.mark.parametrize(
    "name",
    [
        "a_request_without_reply_is_sent_again",
        "a_reset_connection_counts_as_not_sent",
        "fills_are_added_up_instead_of_compared",
        "client_ids_start_again_after_a_restart",
        "legs_of_a_reply_are_found_by_their_place",
        "a_failed_sync_is_tried_again",
        "a_rejection_after_the_open_is_overlooked",
        "a_second_engine_takes_the_lock_for_one_left_behind",
        "one_that_turns_up_is_left_working",
        "one_that_turns_up_is_not_paged",
        "the_last_kill_test_is_skipped",
        "the_last_kill_test_stands_before_the_connection_alone",
        "what_fills_after_its_proof_is_not_told_to_its_group",
        "hooks_run_while_a_restart_recovers",
        "a_replace_in_doubt_is_settled_as_done",
        "an_order_that_risk_refused_at_its_release_leaves_with_the_others",
    ],
)
def test_a_planted_bug_is_caught(name: str) -> None:
    with bugs.plant(name):
        assert any(run(s, campaign=bugs.campaign_of(name)).violation for s in range(96))


def test_a_bug_is_gone_once_it_is_not_planted_any_more() -> None:
    for name in bugs.names():
        with bugs.plant(name):
            pass
    assert not run(3).violation
