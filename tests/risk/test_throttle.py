from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.command import Lane, MessageKind, Ticket
from engine.model.instrument import Segment
from engine.rules.clock_time import NS_PER_S, ns
from risk.limits import AccountLimits
from risk.throttle import RESERVED, URGENT_LANES, Governor, Window

START = 1_787_113_800 * NS_PER_S
WINDOW_NS = ns(1.25)
NEVER = START + 10_000 * NS_PER_S


def ticket(
    number: int,
    lane: Lane = Lane.ENTRY,
    *,
    at: int = START,
    account: str = "A",
    segment: Segment = Segment.NSE_FO,
    expires_at: int = NEVER,
) -> Ticket:
    return Ticket(
        kind=MessageKind.PLACE,
        client_id=f"C{number}",
        account=account,
        segment=segment,
        lane=lane,
        queued_at=at,
        expires_at=expires_at,
    )


def drain(governor: Governor, arrivals: Sequence[Ticket]) -> list[tuple[int, Ticket]]:
    """Feed tickets at their times and follow ``next_time`` to the end, as a runner does."""
    sent: list[tuple[int, Ticket]] = []
    waiting = sorted(arrivals, key=lambda t: t.queued_at)
    now = START
    while waiting or len(governor):
        due = governor.next_time()
        arrives = waiting[0].queued_at if waiting else None
        now = max(now, min(t for t in (due, arrives) if t is not None))
        while waiting and waiting[0].queued_at <= now:
            governor.submit(waiting.pop(0), now)
        released = governor.release(now)
        expired = governor.expired(now)
        assert released or expired or arrives == now or (due is not None and due > now), (
            "a wake-up that does nothing would spin"
        )
        sent += [(now, t) for t in released]
    return sent


def most_in_any_window(times: Sequence[int], span: int) -> int:
    return max((sum(1 for t in times if start <= t < start + span) for start in times), default=0)


def most_in_any_second(times: Sequence[int]) -> int:
    seconds = [t // NS_PER_S for t in times]
    return max((seconds.count(second) for second in seconds), default=0)


lanes = st.sampled_from(Lane)
arrival_times = st.lists(
    st.tuples(st.integers(0, 3 * NS_PER_S), lanes, st.sampled_from(["A", "B"])), max_size=60
)


@settings(max_examples=60, deadline=None)
@given(arrival_times)
def test_no_window_and_no_second_ever_holds_too_many_whatever_arrives(
    arrivals: list[tuple[int, Lane, str]],
) -> None:
    governor = Governor.of(AccountLimits())
    tickets = [
        ticket(n, lane, at=START + at, account=account)
        for n, (at, lane, account) in enumerate(arrivals)
    ]
    sent = drain(governor, tickets)
    assert sorted(t.client_id for _, t in sent) == sorted(t.client_id for t in tickets)
    for account in ("A", "B"):
        times = [at for at, t in sent if t.account == account]
        assert most_in_any_window(times, WINDOW_NS) <= 9
        assert most_in_any_second(times) <= 8
        ordinary = [at for at, t in sent if t.account == account and t.lane not in URGENT_LANES]
        assert most_in_any_window(ordinary, WINDOW_NS) <= 9 - RESERVED


@settings(max_examples=60, deadline=None)
@given(arrival_times)
def test_within_a_lane_the_first_in_is_the_first_out(arrivals: list[tuple[int, Lane, str]]) -> None:
    tickets = [
        ticket(n, lane, at=START + at, account=account)
        for n, (at, lane, account) in enumerate(sorted(arrivals, key=lambda a: a[0]))
    ]
    sent = drain(Governor.of(AccountLimits()), tickets)
    for account in ("A", "B"):
        for lane in Lane:
            numbers = [
                int(t.client_id[1:]) for _, t in sent if (t.account, t.lane) == (account, lane)
            ]
            assert numbers == sorted(numbers)


def test_a_steady_stream_gets_at_least_95_percent_of_the_sliding_window() -> None:
    governor = Governor([Window(9, WINDOW_NS)])
    sent = drain(governor, [ticket(n, Lane.HEDGE_OR_EXIT) for n in range(900)])
    span_s = (sent[-1][0] - sent[0][0]) / NS_PER_S
    assert len(sent) / span_s >= 0.95 * 9 / 1.25


def test_the_calendar_second_is_filled_to_the_last_place() -> None:
    sent = drain(Governor.of(AccountLimits()), [ticket(n, Lane.HEDGE_OR_EXIT) for n in range(8)])
    assert [at for at, _ in sent] == [START] * 8


def test_a_bucket_s_burst_across_a_second_s_boundary_is_not_let_through() -> None:
    late = START + ns(0.9)
    sent = drain(
        Governor.of(AccountLimits()),
        [ticket(n, Lane.HEDGE_OR_EXIT, at=late) for n in range(16)],
    )
    assert [at for at, _ in sent[:8]] == [late] * 8
    assert sent[8][0] == START + NS_PER_S
    assert sent[9][0] == late + WINDOW_NS


def test_what_left_a_window_ago_is_forgotten_no_earlier() -> None:
    governor = Governor.of(AccountLimits())
    for n in range(30):
        governor.submit(ticket(n, Lane.FLATTEN), START)
    early = START + ns(0.9)
    assert len(governor.release(early)) == 8
    assert len(governor.release(early + WINDOW_NS - ns(0.1))) == 1
    assert len(governor.release(early + WINDOW_NS - 1)) == 0
    assert len(governor.release(early + WINDOW_NS)) == 7  # 8 in the clock second


def test_entries_leave_three_places_for_urgent_messages() -> None:
    governor = Governor.of(AccountLimits())
    for n in range(20):
        governor.submit(ticket(n), START)
    assert len(governor.release(START)) == 5  # 8 in the clock second, less 3
    for n in range(20, 24):
        governor.submit(ticket(n, Lane.KILL_CANCEL), START)
    released = governor.release(START)
    assert [t.lane for t in released] == [Lane.KILL_CANCEL] * 3


def test_the_most_urgent_lane_goes_first_whatever_came_first() -> None:
    governor = Governor.of(AccountLimits())
    for n, lane in enumerate(reversed(Lane)):
        governor.submit(ticket(n, lane), START)
    assert [t.lane for t in governor.release(START)][:5] == list(Lane)[:5]


def test_segments_and_accounts_have_windows_of_their_own() -> None:
    governor = Governor.of(AccountLimits())
    for n in range(8):
        governor.submit(ticket(n, Lane.FLATTEN), START)
        governor.submit(ticket(100 + n, Lane.FLATTEN, segment=Segment.NSE_CM), START)
        governor.submit(ticket(200 + n, Lane.FLATTEN, account="B"), START)
    assert len(governor.release(START)) == 24
    assert governor.next_time() is None


def test_a_broker_s_windows_hold_over_all_segments_of_a_client() -> None:
    governor = Governor.of(AccountLimits(), [Window(10, 60 * NS_PER_S)])
    for n in range(8):
        governor.submit(ticket(n, Lane.FLATTEN), START)
        governor.submit(ticket(100 + n, Lane.FLATTEN, segment=Segment.NSE_CM), START)
    assert len(governor.release(START)) == 10
    assert governor.next_time() == START + 60 * NS_PER_S
    governor.submit(ticket(300, Lane.FLATTEN, account="B"), START)
    assert [t.account for t in governor.release(START)] == ["B"]


def test_a_message_nobody_wants_any_more_is_never_sent() -> None:
    governor = Governor.of(AccountLimits())
    for n in range(8):
        governor.submit(ticket(n, Lane.FLATTEN), START)
    governor.release(START)
    wanted_until = START + ns(0.5)
    governor.submit(ticket(9, expires_at=wanted_until), START)
    assert governor.next_time() == wanted_until + 1
    assert governor.expired(wanted_until) == []
    assert governor.release(wanted_until + 1) == []
    assert [t.client_id for t in governor.expired(wanted_until + 1)] == ["C9"]
    assert len(governor) == 0
    assert governor.next_time() is None


def test_an_expired_message_does_not_hold_back_the_one_behind_it() -> None:
    governor = Governor.of(AccountLimits())
    governor.submit(ticket(1, expires_at=START - 1), START)
    governor.submit(ticket(2), START)
    assert [t.client_id for t in governor.release(START)] == ["C2"]


def test_a_message_may_still_leave_at_the_very_moment_it_expires() -> None:
    governor = Governor.of(AccountLimits())
    governor.submit(ticket(1, expires_at=START), START)
    assert governor.next_time() == START
    assert len(governor.release(START)) == 1


def test_forgotten_messages_are_gone_and_the_others_stay() -> None:
    governor = Governor.of(AccountLimits())
    for n in range(3):
        governor.submit(ticket(n), START)
    governor.forget(["C0", "C2"])
    assert [t.client_id for t in governor.release(START)] == ["C1"]


def test_a_clock_that_steps_back_lets_nothing_extra_through() -> None:
    governor = Governor.of(AccountLimits())
    for n in range(30):
        governor.submit(ticket(n, Lane.FLATTEN), START)
    first = governor.release(START + NS_PER_S // 2)
    assert len(first) == 8
    assert governor.release(START) == []


@pytest.mark.parametrize("lane", Lane)
def test_only_the_urgent_lanes_may_use_the_reserve(lane: Lane) -> None:
    urgent = lane <= Lane.HEDGE_OR_EXIT
    assert (lane in URGENT_LANES) is urgent
    assert Window(9, WINDOW_NS, RESERVED).places(lane) == (9 if urgent else 6)


def test_yaml_may_lower_the_governor() -> None:
    limits = AccountLimits(messages_per_window=4, messages_per_calendar_second=4)
    governor = Governor.of(limits)
    for n in range(10):
        governor.submit(ticket(n), START)
    assert len(governor.release(START)) == 1


# -- several orders in one request ---------------------------------------------------------------


def several(number: int, orders: int, lane: Lane = Lane.HEDGE_OR_EXIT, **more: object) -> Ticket:
    made = ticket(number, lane, **more)  # type: ignore[arg-type]
    return made.of([f"C{number}-{n}" for n in range(orders)])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3 * NS_PER_S), lanes, st.integers(1, 4)), max_size=30),
    st.sampled_from([(), (Window(6, 2 * NS_PER_S),)]),
)
def test_every_order_of_a_request_is_counted(
    arrivals: list[tuple[int, Lane, int]], client: tuple[Window, ...]
) -> None:
    governor = Governor.of(AccountLimits(), client)
    tickets = [
        several(n, orders, lane, at=START + at) for n, (at, lane, orders) in enumerate(arrivals)
    ]
    sent = drain(governor, tickets)
    orders = [c for _, t in sent for c in t.client_ids]
    assert sorted(orders) == sorted(c for t in tickets for c in t.client_ids)
    times = [at for at, t in sent for _ in t.client_ids]
    assert most_in_any_window(times, WINDOW_NS) <= 9
    assert most_in_any_second(times) <= 8
    if client:
        assert most_in_any_window(times, 2 * NS_PER_S) <= 6


def test_a_request_waits_until_there_is_room_for_all_of_it() -> None:
    governor = Governor([Window(9, WINDOW_NS)])
    governor.submit(several(1, 4), START)
    governor.submit(several(2, 4), START)
    governor.submit(several(3, 4), START)
    assert [len(t.client_ids) for t in governor.release(START)] == [4, 4]
    assert governor.next_time() == START + WINDOW_NS
    assert len(governor.release(START + WINDOW_NS)) == 1


def test_the_room_a_request_waits_for_is_not_taken_by_what_comes_behind_it() -> None:
    governor = Governor([Window(6, WINDOW_NS)])
    governor.submit(several(1, 4), START)
    governor.release(START)
    governor.submit(several(2, 4, Lane.HEDGE_OR_EXIT), START)
    governor.submit(ticket(3, Lane.HEDGE_OR_EXIT), START)
    governor.submit(ticket(4, Lane.ENTRY), START)
    assert governor.release(START) == []
    released = governor.release(START + WINDOW_NS)
    assert [t.client_id for t in released] == ["C2-0", "C3", "C4"]


def test_it_does_not_hold_back_another_segment_or_a_more_urgent_message() -> None:
    governor = Governor([Window(6, WINDOW_NS)])
    governor.submit(several(1, 4), START)
    governor.release(START)
    governor.submit(several(2, 4, Lane.ENTRY), START)
    governor.submit(ticket(3, Lane.ENTRY, segment=Segment.NSE_CM), START)
    governor.submit(ticket(4, Lane.KILL_CANCEL), START)
    assert [t.client_id for t in governor.release(START)] == ["C4", "C3"]


def test_one_that_waits_for_the_client_s_limit_holds_all_its_segments_back() -> None:
    governor = Governor([Window(9, WINDOW_NS)], [Window(4, NS_PER_S)])
    governor.submit(several(1, 2), START)
    governor.release(START)
    governor.submit(several(2, 4), START)
    governor.submit(ticket(3, Lane.ENTRY, segment=Segment.NSE_CM), START)
    assert governor.release(START) == []
    assert governor.next_time() == START + NS_PER_S


def test_a_request_larger_than_a_window_ever_has_room_for_leaves_as_several() -> None:
    limits = AccountLimits(messages_per_window=5, messages_per_calendar_second=5)
    governor = Governor.of(limits)
    governor.submit(several(1, 4, Lane.ENTRY), START)
    first = governor.release(START)
    assert [t.client_ids for t in first] == [("C1-0", "C1-1")]
    later = governor.release(START + WINDOW_NS)
    assert [t.client_ids for t in later] == [("C1-2", "C1-3")]


def test_a_limit_that_counts_requests_takes_one_of_several_orders_for_one() -> None:
    three_a_second = Window(3, NS_PER_S, per_request=True)
    governor = Governor([Window(20, WINDOW_NS)], [three_a_second])
    for n in range(5):
        governor.submit(several(n, 4), START)
    assert len(governor.release(START)) == 3
    assert len(governor.release(START + WINDOW_NS)) == 2


def test_one_order_of_a_request_is_forgotten_and_the_others_stay() -> None:
    governor = Governor.of(AccountLimits())
    governor.submit(several(1, 3), START)
    governor.forget(["C1-0", "C1-2"])
    assert [t.client_ids for t in governor.release(START)] == [("C1-1",)]
    governor.submit(several(2, 2), START)
    governor.forget(["C2-0", "C2-1"])
    assert governor.next_time() is None


def test_a_request_expires_with_all_its_orders() -> None:
    governor = Governor.of(AccountLimits())
    governor.submit(several(1, 3, expires_at=START), START)
    assert [t.client_ids for t in governor.expired(START + 1)] == [("C1-0", "C1-1", "C1-2")]


def test_what_left_late_counts_from_when_it_left() -> None:
    governor = Governor((Window(4, WINDOW_NS),))
    for number in range(6):
        governor.submit(ticket(number), START)
    assert len(governor.release(START)) == 4
    later = START + 3 * NS_PER_S
    governor.left_late(START, later)
    assert governor.release(later) == []
    assert governor.next_time() == later + WINDOW_NS
    assert len(governor.release(later + WINDOW_NS)) == 2
