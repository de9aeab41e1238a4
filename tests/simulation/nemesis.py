"""What goes wrong, how often, and how often it did: a run that never met a fault proves nothing of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random

FAULTS: dict[str, float] = {
    # a request
    "refused": 0.02,
    "lost_on_the_way": 0.02,
    "reset_after_accepting": 0.03,
    "accepted_late": 0.015,
    "accepted_at_last_in_the_dark": 0.008,
    "reply_late": 0.03,
    "reply_very_late": 0.01,
    "reply_empty": 0.015,
    "reply_html": 0.015,
    "reply_truncated": 0.015,
    "reply_rate_limited_after_accepting": 0.015,
    "reply_500_before": 0.01,
    "reply_500_after": 0.015,
    "reply_400_timed_out_after_accepting": 0.01,
    "reply_without_id": 0.01,
    "reset_before_first_byte": 0.01,
    "reply_301": 0.005,
    "reply_401": 0.005,
    "reply_429": 0.005,
    "reply_502_before": 0.005,
    "reply_401_after": 0.005,
    "reply_429_after": 0.005,
    "reply_504_after": 0.005,
    "reply_of_another": 0.01,
    # a request with several legs
    "legs_fail_in_part": 0.06,
    "leg_missing": 0.06,
    "leg_extra": 0.06,
    "legs_reordered": 0.2,
    "legs_accepted_in_part_then_timed_out": 0.06,
    # risk
    "second_look_refuses": 0.02,
    # the stream
    "stream_drops": 0.04,
    "stream_doubles": 0.05,
    "stream_delays": 0.08,
    "stream_breaks": 0.004,
    "stream_replays_the_day": 0.3,
    "stream_unknown_status": 0.005,
    "stream_spaces_in_status": 0.03,
    "stream_garbage": 0.005,
    "stream_other_account": 0.005,
    "stream_delays_long": 0.01,
    "stream_filled_without_quantity": 0.02,
    "stream_filled_too_small": 0.02,
    "stream_version_regresses": 0.01,
    # the books
    "book_empty": 0.03,
    "book_truncated": 0.03,
    "book_stale": 0.05,
    "book_doubled": 0.03,
    "book_fails": 0.03,
    "positions_lag": 0.05,
    "book_loses_a_page": 0.01,
    "book_numbers_as_strings": 0.03,
    "book_hides_a_row": 0.004,
    # what a broker does later
    "late_reject": 0.02,
    # people
    "manual_order": 0.0012,
    "manual_cancel": 0.002,
    # the host
    "sync_slow": 0.01,
    "disk_fails": 0.0007,
    "write_torn": 0.002,
    "order_lane_short": 0.1,
    "process_stopped": 0.001,
    "loop_blocked": 0.002,
    "wall_steps": 0.0015,
    "wall_steps_while_late": 0.01,
}

LATE_FAULTS: dict[str, float] = {**FAULTS, "accepted_after_proof": 0.05}
"""Those of the campaign in which brokers accept an order long after it was proven absent."""
KILL_FAULTS: dict[str, float] = {
    **FAULTS,
    "killed_while_syncing": 0.03,
    "killed_while_connecting": 0.03,
}
"""Those of the campaign in which a person kills between an order's release and its first byte."""
CAMPAIGNS = {"ordinary": FAULTS, "late": LATE_FAULTS, "kills": KILL_FAULTS}


@dataclass
class Nemesis:
    """Throws the dice for every fault. ``heal`` ends all trouble, so that a run can come to rest.

    A fault that is none of the campaign's throws none, so that its days stay the same when another
    campaign gets a fault more.
    """

    dice: Random
    scale: float = 1.0
    campaign: str = "ordinary"
    apart: Random = field(default_factory=lambda: Random(0))
    """Dice for faults that came later, so that days which do not meet them stay as they were."""
    counts: Counter[str] = field(default_factory=Counter)
    healed: bool = False
    late: int = 0
    """Requests that were given up and are still on their way to a broker."""
    beyond: set[str] = field(default_factory=set)
    """Tags that a broker accepts only after they may have been proven absent."""
    refused: set[str] = field(default_factory=set)
    """Tags that risk refused at the second look, in the present life of the engine."""
    dark: dict[str, float] = field(default_factory=dict)
    """Accounts of which a broker shows nothing at all, and until when."""

    def strikes(self, fault: str, dice: Random | None = None) -> bool:
        """Say whether a fault happens now, by other dice if any, and count it when it does."""
        share = CAMPAIGNS[self.campaign].get(fault)
        if share is None or self.healed or (dice or self.dice).random() >= share * self.scale:
            return False
        self.counts[fault] += 1
        return True

    def first(self, *faults: str) -> str:
        """Return the first of these that happens now, empty when none does."""
        return next((fault for fault in faults if self.strikes(fault)), "")

    def goes_dark(self, account: str, now: float, for_s: tuple[float, float]) -> None:
        """Have a broker show nothing at all of an account from now on, for so long."""
        self.dark[account] = now + self.apart.uniform(*for_s)

    def is_dark(self, account: str, now: float) -> bool:
        """Say whether an account's broker shows it an empty order book, and streams nothing."""
        return not self.healed and now < self.dark.get(account, 0.0)

    def heal(self) -> None:
        """From now on everything works."""
        self.healed = True
