"""Groups under whatever goes wrong: what must hold in every history (reliability.md 3.6)."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import GroupState, buy, sell
from engine.model.event import KillMode
from engine.model.record import OrderFilled

FAULT = st.fixed_dictionaries(
    {
        "when": st.fixed_dictionaries(
            {},
            optional={
                "leg": st.integers(1, 4),
                "purpose": st.sampled_from(["entry", "hedge", "exit", "unwind"]),
                "nth": st.integers(1, 3),
            },
        ),
    }
)
ACTIONS = st.one_of(
    st.fixed_dictionaries({"do": st.just("reject"), "times": st.integers(1, 4)}),
    st.fixed_dictionaries({"do": st.just("fill_half"), "times": st.integers(1, 3)}),
    st.fixed_dictionaries({"do": st.just("never_reply"), "reached": st.booleans()}),
    st.fixed_dictionaries(
        {"do": st.just("reply_late"), "delay_s": st.sampled_from([0.5, 4.0, 40.0])}
    ),
)
FAULTS = st.lists(st.tuples(FAULT, ACTIONS).map(lambda pair: pair[0] | pair[1]), max_size=4)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["wait", "wait", "move", "exit", "cancel", "enter again", "kill"]),
        st.sampled_from([0.02, 0.06, 0.5, 2.0, 9.0]),
        st.integers(24_100, 24_550),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    faults=FAULTS,
    steps=STEPS,
    sequencing=st.sampled_from(["hedge_first", "sequential", "parallel"]),
    on_failure=st.sampled_from(["unwind", "retry", "hold"]),
    lots=st.integers(1, 3),
    accounts=st.sampled_from([{"a": 1}, {"a": 1, "b": 2}]),
    kill=st.sampled_from(list(KillMode)),
)
def test_whatever_happens_a_group_keeps_its_books_and_ends_somewhere_known(
    stage: Any,
    *,
    faults: list[dict[str, Any]],
    steps: list[tuple[str, float, int]],
    sequencing: str,
    on_failure: str,
    lots: int,
    accounts: dict[str, int],
    kill: KillMode,
) -> None:
    s = stage(*faults, latency_ms=40, reply_timeout_s=3, accounts=accounts)

    def enter() -> None:
        if s.strategy.group("group") is None:
            legs = (
                sell(s.call, lots),
                buy(s.far_call, lots),
                sell(s.put, lots),
                buy(s.far_put, lots),
            )
            s.strategy.enter(
                *legs,
                name="group",
                sequencing=sequencing,
                on_failure=on_failure,
                deadline_s=20,
                exit_deadline_s=30,
                exit_retries=3,
            )

    s.ask(lambda _: enter())
    for what, pause_s, spot in steps:
        if what == "move":
            s.spot(float(spot))
        elif what == "exit":
            s.ask(lambda p: p.exit("group"))
        elif what == "cancel":
            s.ask(lambda p: p.cancel("group"))
        elif what == "enter again":
            s.ask(lambda _: enter())
        elif what == "kill":
            s.kill(kill)
        s.seconds(pause_s)
        _books_agree(s)
        _legs_know_their_orders(s)
    s.ask(lambda p: [p.exit(group) for group in p.groups()])
    s.seconds(90)
    _books_agree(s)
    _legs_know_their_orders(s)
    assert not s.halted
    if sequencing == "hedge_first":
        _never_naked(s)
    for group in s._kernel.placement.groups.values():
        for part in group.parts.values():
            assert part.state.is_terminal or part.state in (
                GroupState.STUCK,
                GroupState.STRANDED,
                GroupState.KILLED,
            ), f"{part.state}: {part.why}"
            if part.state.is_terminal:
                assert part.is_flat


def _books_agree(s: Any) -> None:
    """What the groups think they hold is what the ledger holds; nothing is left twice."""
    held: dict[Any, int] = {}
    for group in s._kernel.placement.groups.values():
        for run in group.runs():
            assert 0 <= run.left <= run.entered <= run.plan.quantity
            held[run.instrument] = held.get(run.instrument, 0) + run.signed_net
    assert {i: n for i, n in held.items() if n} == s.nets()


def _legs_know_their_orders(s: Any) -> None:
    """What a part keeps of its orders is what the blotter says of them."""
    orders = s._kernel.blotter.orders
    for group in s._kernel.placement.groups.values():
        for part in group.parts.values():
            unknown = set()
            for leg in part.legs:
                entries, exits = ([orders[c] for c in ids] for ids in (leg.entry_ids, leg.exit_ids))
                assert leg.entry is (entries[-1] if entries else None)
                assert leg.exit is (exits[-1] if exits else None)
                for live, known in ((leg.live_entries, entries), (leg.live_exits, exits)):
                    assert live == {o.client_id: o for o in known if not o.lifecycle.is_terminal}
                in_doubt = {o.client_id for o in entries + exits if o.lifecycle.is_unknown}
                assert leg.is_unknown == bool(in_doubt)
                unknown |= in_doubt
            assert part.in_doubt == unknown


def _never_naked(s: Any) -> None:
    """Fill by fill, in each account and right: no more sold than bought (G1)."""
    net: dict[tuple[str, str, Any], int] = {}
    for record in s.records:
        if isinstance(record, OrderFilled):
            fill = record.fill
            key = (fill.group_id, fill.account, fill.instrument.right)
            net[key] = net.get(key, 0) + fill.quantity * fill.side.sign
            assert net[key] >= 0, f"{key} is naked after {fill}"
