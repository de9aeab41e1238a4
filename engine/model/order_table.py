"""The life of an order as a table: every state against every trigger (reliability.md 1.3).

Read a row as "an order that is in this state, told this". Cells that depend on more than the state
carry a ``Rule``, decided beside the table's user in ``engine.model.order_state``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from engine.model.order import Lifecycle
from engine.model.verdict import Anomaly, Verdict


class Trigger(StrEnum):
    """What happens to an order.

    The first group is ours; REPLY_* answer the placement, and REPLY_AMBIGUOUS is also the timeout
    and the replay of a send after a crash. SEEN_* is what a broker shows, in a stream or a
    snapshot; SEEN_FILLED and SEEN_PART_FILLED speak of quantities, never of a status text.
    SNAPSHOT_ABSENT is the complete proof of reliability.md 2.4, PROOF_IMPOSSIBLE that it could not
    be had in time. DAY_END: the book of the next trading date lacks the order. RESOLVED_*: a person
    says so, with a reason (a fill a person knows of is merged like any other).
    """

    APPROVE = "APPROVE"
    DENY = "DENY"
    SEND_START = "SEND_START"
    SEND_ABORTED = "SEND_ABORTED"
    REPLY_OK = "REPLY_OK"
    REPLY_REFUSED = "REPLY_REFUSED"
    REPLY_AMBIGUOUS = "REPLY_AMBIGUOUS"
    SEEN_PENDING = "SEEN_PENDING"
    SEEN_TRIGGER_PENDING = "SEEN_TRIGGER_PENDING"
    SEEN_OPEN = "SEEN_OPEN"
    SEEN_PART_FILLED = "SEEN_PART_FILLED"
    SEEN_FILLED = "SEEN_FILLED"
    SEEN_CANCELLED = "SEEN_CANCELLED"
    SEEN_REJECTED = "SEEN_REJECTED"
    SEEN_EXPIRED = "SEEN_EXPIRED"
    SNAPSHOT_ABSENT = "SNAPSHOT_ABSENT"
    PROOF_IMPOSSIBLE = "PROOF_IMPOSSIBLE"
    DAY_END = "DAY_END"
    RESOLVED_NOT_PLACED = "RESOLVED_NOT_PLACED"
    RESOLVED_CANCELLED = "RESOLVED_CANCELLED"
    RESOLVED_REJECTED = "RESOLVED_REJECTED"

    is_remote: bool
    """True when a broker shows it."""


for _trigger in Trigger:
    _trigger.is_remote = _trigger.startswith("SEEN_")


class Rule(StrEnum):
    """Cells that depend on more than the state; the words are those of reliability.md 1.3.

    CUT: with units filled the order is CANCELLED instead. REJECT: the same, and held while a
    request of ours is out and only a stream says it (the rejection may be the request's).
    IF_NEWER: taken when the update's version is newer and nothing has filled. IF_AGREED: taken when
    two complete snapshots agree, otherwise an anomaly. IF_SHORT: an anomaly when the update is
    newer and shows less than has filled, otherwise stale. IF_UNSEEN: taken of an order the broker
    never named and of which nothing filled; another one is QUARANTINED, as any that vanishes.
    """

    CUT = "CANCELLED if part filled"
    REJECT = "held while a request is out; CANCELLED if part filled"
    IF_NEWER = "if newer"
    IF_AGREED = "if two snapshots agree"
    IF_SHORT = "if newer and short"
    IF_UNSEEN = "QUARANTINED if the broker named it"


class Outcome(NamedTuple):
    """One cell: the next state, what that is called, the anomaly it raises, the rule, a note."""

    next: Lifecycle
    verdict: Verdict
    anomaly: Anomaly | None = None
    rule: Rule | None = None
    note: str = ""


Row = dict[Trigger, Outcome]

_L: Final = Lifecycle
_T: Final = Trigger
_V: Final = Verdict
_A: Final = Anomaly


def _move(
    state: Lifecycle,
    anomaly: Anomaly | None = None,
    *,
    rule: Rule | None = None,
    note: str = "",
) -> Outcome:
    return Outcome(state, _V.MOVE, anomaly, rule, note)


def _bug(state: Lifecycle, note: str) -> Row:
    """Return the cells only our own bug could reach from a state past being sent."""
    cell = Outcome(state, _V.IMPOSSIBLE, note=note)
    return {_T.APPROVE: cell, _T.DENY: cell, _T.SEND_START: cell}


def _all(verdict: Verdict, state: Lifecycle, *triggers: Trigger, note: str = "") -> Row:
    return dict.fromkeys(triggers, Outcome(state, verdict, note=note))


def _odd(state: Lifecycle, anomaly: Anomaly, *triggers: Trigger, note: str = "") -> Row:
    return dict.fromkeys(triggers, Outcome(state, _V.ANOMALY, anomaly, note=note))


_SEEN: Final = tuple(trigger for trigger in Trigger if trigger.is_remote)
_RESOLVED: Final = (_T.RESOLVED_NOT_PLACED, _T.RESOLVED_CANCELLED, _T.RESOLVED_REJECTED)
_NOT_IN_DOUBT: Final = "only an order in doubt can be resolved by a person"


def _unsent(state: Lifecycle) -> Row:
    """Return the cells of an order whose bytes never left: nothing a broker says can be of it."""
    return (
        _odd(state, _A.UNEXPECTED_REPLY, _T.REPLY_OK, _T.REPLY_REFUSED)
        | _all(
            _V.STAY,
            state,
            _T.REPLY_AMBIGUOUS,
            _T.SNAPSHOT_ABSENT,
            _T.PROOF_IMPOSSIBLE,
            note="nothing was sent",
        )
        | dict.fromkeys(
            _SEEN,
            Outcome(state, _V.ORPHAN, _A.TAG_VIOLATED, note="our tag on an order never sent"),
        )
        | _all(_V.STALE, state, *_RESOLVED, note=_NOT_IN_DOUBT)
    )


def _at_broker(state: Lifecycle) -> Row:
    """Return the cells common to every order the broker has confirmed and that has not ended."""
    return (
        _bug(state, "it is at the broker")
        | _odd(state, _A.UNEXPECTED_ABORT, _T.SEND_ABORTED, note="it was sent: the broker has it")
        | _all(_V.STAY, state, _T.REPLY_OK, _T.REPLY_AMBIGUOUS, _T.PROOF_IMPOSSIBLE)
        | _odd(state, _A.UNEXPECTED_REPLY, _T.REPLY_REFUSED, note="refused though it was accepted")
        | {
            _T.SEEN_PENDING: _move(_L.PENDING_NEW),
            _T.SEEN_TRIGGER_PENDING: _move(_L.TRIGGER_PENDING),
            _T.SEEN_OPEN: _move(_L.OPEN),
            _T.SEEN_PART_FILLED: _move(_L.OPEN),
            _T.SEEN_FILLED: _move(_L.FILLED),
            _T.SEEN_CANCELLED: _move(_L.CANCELLED),
            _T.SEEN_REJECTED: _move(_L.REJECTED, rule=Rule.REJECT),
            _T.SEEN_EXPIRED: _move(_L.EXPIRED),
            _T.SNAPSHOT_ABSENT: _move(
                _L.QUARANTINED,
                _A.VANISHED,
                note="the broker gave it an id, so absence is the broker's fault",
            ),
            _T.DAY_END: _move(_L.EXPIRED),
        }
        | _all(_V.STALE, state, *_RESOLVED, note=_NOT_IN_DOUBT)
    )


def _in_doubt(state: Lifecycle) -> Row:
    """Return the cells of an order that may or may not stand at the broker: evidence resolves."""
    return _bug(state, "what may have been sent is never sent again") | {
        _T.SEND_ABORTED: _move(_L.NOT_PLACED, rule=Rule.CUT, note="provably nothing left"),
        _T.REPLY_OK: _move(_L.ACKED),
        _T.REPLY_REFUSED: _move(_L.REJECTED, rule=Rule.CUT),
        _T.SEEN_PENDING: _move(_L.PENDING_NEW),
        _T.SEEN_TRIGGER_PENDING: _move(_L.TRIGGER_PENDING),
        _T.SEEN_OPEN: _move(_L.OPEN),
        _T.SEEN_PART_FILLED: _move(_L.OPEN),
        _T.SEEN_FILLED: _move(_L.FILLED),
        _T.SEEN_CANCELLED: _move(_L.CANCELLED),
        _T.SEEN_REJECTED: _move(_L.REJECTED, rule=Rule.REJECT),
        _T.SEEN_EXPIRED: _move(_L.EXPIRED),
        _T.RESOLVED_NOT_PLACED: _move(_L.NOT_PLACED, rule=Rule.CUT),
        _T.RESOLVED_CANCELLED: _move(_L.CANCELLED),
        _T.RESOLVED_REJECTED: _move(_L.REJECTED, rule=Rule.CUT),
    }


def _ended(state: Lifecycle) -> Row:
    """Return the cells common to every order that was sent and has ended."""
    return (
        _bug(state, "it has ended")
        | _all(
            _V.STAY,
            state,
            _T.REPLY_OK,
            _T.REPLY_REFUSED,
            _T.REPLY_AMBIGUOUS,
            _T.SNAPSHOT_ABSENT,
            _T.PROOF_IMPOSSIBLE,
            _T.DAY_END,
        )
        | _odd(state, _A.UNEXPECTED_ABORT, _T.SEND_ABORTED, note="it was sent: it has ended")
        | _all(_V.STALE, state, _T.SEEN_PENDING, _T.SEEN_OPEN, _T.SEEN_TRIGGER_PENDING)
        | _all(_V.STAY, state, _T.SEEN_CANCELLED, _T.SEEN_REJECTED, _T.SEEN_EXPIRED)
        | {
            _T.SEEN_PART_FILLED: Outcome(state, _V.LATE, note="more had filled than was known"),
            _T.SEEN_FILLED: Outcome(
                _L.FILLED, _V.LATE, _A.FILLED_AFTER_END, note="the fill passed the end"
            ),
        }
        | _all(_V.STALE, state, *_RESOLVED, note=_NOT_IN_DOUBT)
    )


_REINSTATE: Final[Row] = {
    _T.SEEN_OPEN: Outcome(_L.OPEN, _V.LATE, _A.REINSTATED, Rule.IF_AGREED),
    _T.SEEN_TRIGGER_PENDING: Outcome(_L.TRIGGER_PENDING, _V.LATE, _A.REINSTATED, Rule.IF_AGREED),
}


def _resurrect(state: Lifecycle) -> Outcome:
    return Outcome(state, _V.RESURRECT, _A.RESURRECTED, note="it exists after all: page a person")


TRANSITIONS: Final[dict[Lifecycle, Row]] = {
    _L.INTENT: _unsent(_L.INTENT)
    | {
        _T.APPROVE: _move(_L.APPROVED),
        _T.DENY: _move(_L.DENIED),
        _T.SEND_START: Outcome(_L.INTENT, _V.IMPOSSIBLE, note="it was not approved"),
        _T.SEND_ABORTED: Outcome(_L.INTENT, _V.IMPOSSIBLE, note="it was not being sent"),
        _T.DAY_END: _move(_L.DENIED),
    }
    | _odd(
        _L.INTENT, _A.SEEN_BEFORE_SENT, *_SEEN, note="seen before it was approved: not our order"
    ),
    _L.DENIED: _unsent(_L.DENIED)
    | _bug(_L.DENIED, "it was denied")
    | {
        _T.SEND_ABORTED: Outcome(_L.DENIED, _V.IMPOSSIBLE, note="it was not being sent"),
        _T.DAY_END: Outcome(_L.DENIED, _V.STAY),
    },
    _L.APPROVED: _unsent(_L.APPROVED)
    | {
        _T.APPROVE: Outcome(_L.APPROVED, _V.IMPOSSIBLE, note="it was approved already"),
        _T.DENY: _move(_L.DENIED, note="no longer wanted, killed, or refused on second look"),
        _T.SEND_START: _move(_L.SENDING),
        _T.SEND_ABORTED: Outcome(_L.APPROVED, _V.IMPOSSIBLE, note="it was not being sent"),
        _T.DAY_END: _move(_L.DENIED),
    },
    _L.SENDING: _in_doubt(_L.SENDING)
    | {
        _T.REPLY_AMBIGUOUS: _move(_L.IN_DOUBT, note="sent, outcome unknown"),
        _T.DAY_END: _move(_L.IN_DOUBT),
    }
    | _all(
        _V.STAY,
        _L.SENDING,
        _T.SNAPSHOT_ABSENT,
        _T.PROOF_IMPOSSIBLE,
        note="it is in doubt before it can be proven absent",
    )
    | _all(_V.STALE, _L.SENDING, *_RESOLVED, note=_NOT_IN_DOUBT),
    _L.IN_DOUBT: _in_doubt(_L.IN_DOUBT)
    | {
        _T.REPLY_AMBIGUOUS: Outcome(_L.IN_DOUBT, _V.STAY),
        _T.SNAPSHOT_ABSENT: _move(_L.NOT_PLACED, rule=Rule.IF_UNSEEN, note="proven absent"),
        _T.PROOF_IMPOSSIBLE: _move(_L.QUARANTINED, note="neither found nor proven absent"),
        _T.DAY_END: _move(_L.QUARANTINED, note="the day ended before it was resolved"),
    },
    _L.ACKED: _at_broker(_L.ACKED),
    _L.PENDING_NEW: _at_broker(_L.PENDING_NEW)
    | {_T.SEEN_PENDING: Outcome(_L.PENDING_NEW, _V.STAY)},
    _L.TRIGGER_PENDING: _at_broker(_L.TRIGGER_PENDING)
    | {
        _T.SEEN_PENDING: Outcome(_L.TRIGGER_PENDING, _V.STAY),
        _T.SEEN_TRIGGER_PENDING: Outcome(_L.TRIGGER_PENDING, _V.STAY),
        _T.SEEN_REJECTED: _move(
            _L.REJECTED,
            _A.PROTECTION_LOST,
            rule=Rule.REJECT,
            note="a stop rejected at its trigger leaves the position unprotected",
        ),
    },
    _L.OPEN: _at_broker(_L.OPEN)
    | {
        _T.SEEN_PENDING: Outcome(_L.OPEN, _V.STALE),
        _T.SEEN_TRIGGER_PENDING: _move(_L.TRIGGER_PENDING, rule=Rule.IF_NEWER),
        _T.SEEN_OPEN: Outcome(_L.OPEN, _V.STAY),
        _T.SEEN_PART_FILLED: Outcome(_L.OPEN, _V.STAY),
    },
    _L.FILLED: _ended(_L.FILLED)
    | {
        _T.SEEN_PENDING: Outcome(_L.FILLED, _V.STAY),
        _T.SEEN_OPEN: Outcome(_L.FILLED, _V.STALE, _A.OPEN_AFTER_FILLED, Rule.IF_SHORT),
        _T.SEEN_PART_FILLED: Outcome(_L.FILLED, _V.STAY),
        _T.SEEN_FILLED: Outcome(_L.FILLED, _V.STAY),
        _T.SEEN_CANCELLED: Outcome(_L.FILLED, _V.STALE, _A.CANCELLED_AFTER_FILLED, Rule.IF_SHORT),
        _T.SEEN_EXPIRED: Outcome(_L.FILLED, _V.STALE),
    }
    | _odd(_L.FILLED, _A.UNEXPECTED_REPLY, _T.REPLY_REFUSED, note="refused though it filled")
    | _odd(_L.FILLED, _A.REJECTED_AFTER_FILLED, _T.SEEN_REJECTED),
    _L.CANCELLED: _ended(_L.CANCELLED) | _REINSTATE,
    _L.REJECTED: _ended(_L.REJECTED)
    | _REINSTATE
    | _odd(_L.REJECTED, _A.ENDED_TWICE, _T.SEEN_CANCELLED)
    | {
        _T.SEEN_PART_FILLED: Outcome(
            _L.CANCELLED, _V.LATE, _A.FILLED_AFTER_END, note="what filled was not rejected"
        ),
    },
    _L.EXPIRED: _ended(_L.EXPIRED),
    _L.NOT_PLACED: _ended(_L.NOT_PLACED)
    | {
        _T.SEND_ABORTED: Outcome(_L.NOT_PLACED, _V.STAY),
        _T.REPLY_OK: _resurrect(_L.ACKED),
        _T.SEEN_PENDING: _resurrect(_L.PENDING_NEW),
        _T.SEEN_TRIGGER_PENDING: _resurrect(_L.TRIGGER_PENDING),
        _T.SEEN_OPEN: _resurrect(_L.OPEN),
        _T.SEEN_PART_FILLED: _resurrect(_L.OPEN),
        _T.SEEN_FILLED: _resurrect(_L.FILLED),
        _T.SEEN_CANCELLED: Outcome(_L.CANCELLED, _V.LATE, note="it existed, and has ended"),
        _T.SEEN_REJECTED: Outcome(_L.REJECTED, _V.LATE, note="it existed, and has ended"),
        _T.SEEN_EXPIRED: Outcome(_L.EXPIRED, _V.LATE, note="it existed, and has ended"),
    },
    _L.QUARANTINED: _in_doubt(_L.QUARANTINED)
    | _all(
        _V.STAY,
        _L.QUARANTINED,
        _T.REPLY_AMBIGUOUS,
        _T.SNAPSHOT_ABSENT,
        _T.PROOF_IMPOSSIBLE,
        _T.DAY_END,
        note="needs a person or new evidence",
    ),
}
"""Total: every state and trigger has its cell; ``tests`` hold that."""

_MARKS: Final[dict[Verdict, str]] = {
    _V.STAY: "=",
    _V.STALE: "stale",
    _V.MOVE: "",
    _V.HELD: "held",
    _V.ANOMALY: "✗",
    _V.LATE: "late",
    _V.RESURRECT: "resurrect",
    _V.ORPHAN: "◊",
    _V.IMPOSSIBLE: "never",
}


def as_markdown() -> str:
    """Return the table for a person: a row per trigger, a column per state."""
    states = list(Lifecycle)
    lines = [
        "| trigger | " + " | ".join(states) + " |",
        "|---" * (len(states) + 1) + "|",
    ]
    for trigger in Trigger:
        cells = (_cell(state, TRANSITIONS[state][trigger]) for state in states)
        lines.append(f"| {trigger} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(state: Lifecycle, outcome: Outcome) -> str:
    words = [_MARKS[outcome.verdict]]
    if outcome.next is not state:
        words.append(outcome.next)
    if outcome.rule is not None:
        words.append(f"({outcome.rule})")
    return " ".join(word for word in words if word)
