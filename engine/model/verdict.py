"""What is said of a change: the verdicts of the state tables, and the names of anomalies.

One vocabulary for both registers of an order (``order_state``, ``amend_state``) and for the merge
of what brokers say (``engine.core.merge``).
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Verdict(StrEnum):
    """How a trigger met a state. Later members weigh more when several are given at once.

    STAY: nothing new. STALE: older than what is known. MOVE: the state changed as expected.
    HELD: believed only once a snapshot says so. ANOMALY: should not be; journaled and alerted.
    LATE: the order changed after it had ended. RESURRECT: it exists though it was proven absent.
    ORPHAN: it speaks of an order we never sent; ours is untouched and the account must halt.
    IMPOSSIBLE: only our own bug brings it about.
    """

    STAY = "STAY"
    STALE = "STALE"
    MOVE = "MOVE"
    HELD = "HELD"
    ANOMALY = "ANOMALY"
    LATE = "LATE"
    RESURRECT = "RESURRECT"
    ORPHAN = "ORPHAN"
    IMPOSSIBLE = "IMPOSSIBLE"

    @property
    def weight(self) -> int:
        """Its place in the list: the heavier of two verdicts is the one to act on."""
        return _WEIGHT[self]


_WEIGHT: dict[Verdict, int] = {verdict: place for place, verdict in enumerate(Verdict)}


class Evidence(IntEnum):
    """How well something seen is attested (reliability.md 0, rule 4: the snapshot is truth).

    STREAM: one message of a stream or reply. SNAPSHOT: a complete snapshot, or the exchange itself
    (the paper exchange's reports are). AGREED: two consecutive complete snapshots say the same.
    """

    STREAM = 0
    SNAPSHOT = 1
    AGREED = 2


class Anomaly(StrEnum):
    """What may be wrong with an order, in one spelling; kept in ``Order.anomalies``."""

    UNEXPECTED_REPLY = "unexpected_reply"
    UNEXPECTED_ABORT = "unexpected_abort"
    SEEN_BEFORE_SENT = "seen_before_sent"
    TAG_VIOLATED = "tag_violated"
    IDENTITY_MISMATCH = "identity_mismatch"
    BROKER_ID_CONFLICT = "broker_id_conflict"
    EXCHANGE_ID_CONFLICT = "exchange_id_conflict"
    PROTECTION_LOST = "protection_lost"
    VANISHED = "vanished"
    REJECT_HELD = "reject_held"
    REJECTED_AFTER_FILLED = "rejected_after_filled"
    OPEN_AFTER_FILLED = "open_after_filled"
    CANCELLED_AFTER_FILLED = "cancelled_after_filled"
    FILLED_AFTER_END = "filled_after_end"
    ENDED_TWICE = "ended_twice"
    OPEN_AFTER_END = "open_after_end"
    REINSTATED = "reinstated"
    RESURRECTED = "resurrected"
    UNKNOWN_STATUS = "unknown_status"
    FILLED_BUT_SHORT = "filled_but_short"
    QUANTITY_FELL = "quantity_fell"
    OVERFILL = "overfill"
    PRICE_UNCERTAIN = "price_uncertain"
    EXTERNAL_CHANGE = "external_change"
    TERMS_DIFFER = "terms_differ"
    UNEXPECTED_AMEND = "unexpected_amend"

    @property
    def is_alarm(self) -> bool:
        """True when a person must hear of it at once: money moved, or protection is gone."""
        return self in _ALARMS


_ALARMS = frozenset(
    {Anomaly.PROTECTION_LOST, Anomaly.OVERFILL, Anomaly.RESURRECTED, Anomaly.REINSTATED}
)
