import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.event import KillMode, KillTripped
from engine.model.scope import EVERYTHING
from engine.ports import TradingState
from risk.kill_switch import KillSwitch


def kill(scope: str = EVERYTHING, mode: KillMode = KillMode.CANCEL_ALL) -> KillTripped:
    return KillTripped(scope=scope, mode=mode, who="operator", why="test")


def test_everything_is_active_at_first() -> None:
    switch = KillSwitch()
    assert switch.state("s", "a") == (TradingState.ACTIVE, "")
    assert switch.mode("s", "a") is None
    assert switch.standings() == {}


def test_a_kill_of_everything_reaches_every_strategy_and_says_who_and_why() -> None:
    switch = KillSwitch()
    switch.trip(kill())
    assert switch.state("any", "any") == (TradingState.KILLED, "killed by operator: test")
    assert switch.mode("any", "any") is KillMode.CANCEL_ALL


def test_a_kill_of_one_strategy_leaves_the_others() -> None:
    switch = KillSwitch()
    switch.trip(kill("s"))
    assert switch.state("s", "a")[0] is TradingState.KILLED
    assert switch.state("t", "a")[0] is TradingState.ACTIVE


def test_a_kill_of_one_account_reaches_all_strategies_there() -> None:
    switch = KillSwitch()
    switch.trip(kill("account:a"))
    assert switch.state("s", "a")[0] is TradingState.KILLED
    assert switch.state("s", "b")[0] is TradingState.ACTIVE


@pytest.mark.parametrize("first", KillMode)
@pytest.mark.parametrize("second", KillMode)
def test_a_second_kill_can_only_reach_further(first: KillMode, second: KillMode) -> None:
    switch = KillSwitch()
    switch.trip(kill(mode=first))
    switch.trip(kill(mode=second))
    modes = list(KillMode)
    assert switch.mode("s", "a") is modes[max(modes.index(first), modes.index(second))]


def test_the_most_restrictive_scope_wins_and_gives_the_reason() -> None:
    switch = KillSwitch()
    switch.reduce_only(EVERYTHING, "account loss")
    switch.halt("s", "raised in on_tick")
    assert switch.state("s", "a") == (TradingState.HALTED, "raised in on_tick")
    assert switch.state("t", "a") == (TradingState.REDUCE_ONLY, "account loss")
    switch.trip(kill("account:a"))
    assert switch.state("s", "a")[0] is TradingState.KILLED


def test_of_two_equal_scopes_the_widest_gives_the_reason() -> None:
    switch = KillSwitch()
    switch.reduce_only("s", "its own loss")
    switch.reduce_only(EVERYTHING, "the account's loss")
    assert switch.state("s", "a") == (TradingState.REDUCE_ONLY, "the account's loss")


def test_a_milder_restriction_changes_nothing_and_the_first_reason_stays() -> None:
    switch = KillSwitch()
    switch.halt("s", "first")
    switch.reduce_only("s", "milder")
    switch.halt("s", "second")
    assert switch.state("s", "a") == (TradingState.HALTED, "first")


def test_the_furthest_reaching_mode_of_all_scopes_counts() -> None:
    switch = KillSwitch()
    switch.trip(kill("s", KillMode.FLATTEN))
    switch.trip(kill(EVERYTHING, KillMode.BLOCK_NEW))
    assert switch.mode("s", "a") is KillMode.FLATTEN
    assert switch.mode("t", "a") is KillMode.BLOCK_NEW


def test_only_arming_lifts_and_only_its_own_scope() -> None:
    switch = KillSwitch()
    switch.trip(kill())
    switch.halt("s", "why")
    switch.arm(EVERYTHING)
    assert switch.state("s", "a") == (TradingState.HALTED, "why")
    assert list(switch.standings()) == ["s"]
    with pytest.raises(KeyError):
        switch.arm(EVERYTHING)


SCOPES = ["all", "account:a", "s"]


@given(
    st.lists(
        st.one_of(
            st.builds(kill, st.sampled_from(SCOPES), st.sampled_from(KillMode)),
            st.tuples(st.sampled_from(["halt", "reduce_only"]), st.sampled_from(SCOPES)),
        ),
        max_size=8,
    )
)
def test_without_arming_a_state_never_becomes_less_restrictive(
    steps: list[KillTripped | tuple[str, str]],
) -> None:
    switch = KillSwitch()
    before = TradingState.ACTIVE
    for step in steps:
        if isinstance(step, KillTripped):
            switch.trip(step)
        else:
            getattr(switch, step[0])(step[1], "why")
        state, _ = switch.state("s", "a")
        assert state >= before
        before = state
