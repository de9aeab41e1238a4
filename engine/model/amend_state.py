"""The request register: the life of one cancel or replace, as a table (reliability.md 1.3).

Accepted is not carried out: only the order seen cancelled, or seen with its new terms, makes a
request DONE. A cancel in doubt may be sent again, since the broker's own id makes it idempotent; a
replace in doubt never is, and what the broker shows of the order decides. A refused request leaves
the order's lifecycle alone.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from engine.errors import InvariantBroken
from engine.model.order import Amend, AmendKind, AmendState
from engine.model.order_update import AmendOutcome
from engine.model.verdict import Verdict


class AmendTrigger(StrEnum):
    """What happens to a request.

    ABORTED: provably nothing left (or it was never released). REPLY_AMBIGUOUS is also the timeout
    and the replay after a crash. OBSERVED: the order was seen cancelled, or seen with the new
    terms. ORDER_ENDED: the order ended in another way first.
    """

    SENT = "SENT"
    ABORTED = "ABORTED"
    REPLY_OK = "REPLY_OK"
    REPLY_REFUSED = "REPLY_REFUSED"
    REPLY_AMBIGUOUS = "REPLY_AMBIGUOUS"
    OBSERVED = "OBSERVED"
    ORDER_ENDED = "ORDER_ENDED"


class AmendCell(NamedTuple):
    """One cell of the table: where the request goes, what that is called, why if it surprises."""

    next: AmendState
    verdict: Verdict
    note: str = ""


AmendRow = dict[AmendTrigger, AmendCell]

_S: Final = AmendState
_T: Final = AmendTrigger


def _move(state: AmendState, note: str = "") -> AmendCell:
    return AmendCell(state, Verdict.MOVE, note)


def _keep(state: AmendState, verdict: Verdict = Verdict.STAY, note: str = "") -> AmendCell:
    return AmendCell(state, verdict, note)


def _settled(state: AmendState) -> AmendRow:
    """Return the row of a request that is over; only being carried out after all is news."""
    return {
        _T.SENT: _keep(state, Verdict.IMPOSSIBLE, "a new request is made WANTED first"),
        _T.ABORTED: _keep(state),
        _T.REPLY_OK: _keep(state, Verdict.STALE, "the reply came after the answer was known"),
        _T.REPLY_REFUSED: _keep(state, Verdict.STALE, "the reply came after the answer was known"),
        _T.REPLY_AMBIGUOUS: _keep(state),
        _T.OBSERVED: _keep(state),
        _T.ORDER_ENDED: _keep(state),
    }


_CANCEL_ROWS: Final[dict[AmendState, AmendRow]] = {
    _S.WANTED: {
        _T.SENT: _move(_S.SENDING),
        _T.ABORTED: _keep(_S.WANTED),
        _T.REPLY_OK: _keep(_S.WANTED, Verdict.ANOMALY, "a cancel was accepted that was not sent"),
        _T.REPLY_REFUSED: _keep(_S.WANTED, Verdict.STALE, "the reply is to an earlier request"),
        _T.REPLY_AMBIGUOUS: _keep(_S.WANTED, note="nothing was sent"),
        _T.OBSERVED: _move(_S.DONE, "cancelled before it was asked"),
        _T.ORDER_ENDED: _move(_S.REFUSED, "the order ended first"),
    },
    _S.SENDING: {
        _T.SENT: _keep(_S.SENDING, Verdict.IMPOSSIBLE, "it is being sent"),
        _T.ABORTED: _move(_S.WANTED, "nothing left; still wanted"),
        _T.REPLY_OK: _move(_S.ACKED, "accepted is not cancelled: the order must be seen so"),
        _T.REPLY_REFUSED: _move(_S.REFUSED, "the lifecycle stays; the order must be queried"),
        _T.REPLY_AMBIGUOUS: _move(_S.IN_DOUBT),
        _T.OBSERVED: _move(_S.DONE),
        _T.ORDER_ENDED: _move(_S.REFUSED, "the order ended first"),
    },
    _S.ACKED: {
        _T.SENT: _move(_S.SENDING, "accepted but not carried out: sent again"),
        _T.ABORTED: _keep(_S.ACKED, Verdict.ANOMALY, "aborted though it was accepted"),
        _T.REPLY_OK: _keep(_S.ACKED),
        _T.REPLY_REFUSED: _move(_S.REFUSED, "refused by the exchange after the broker accepted it"),
        _T.REPLY_AMBIGUOUS: _keep(_S.ACKED),
        _T.OBSERVED: _move(_S.DONE),
        _T.ORDER_ENDED: _move(_S.REFUSED, "the order ended first"),
    },
    _S.IN_DOUBT: {
        _T.SENT: _move(_S.SENDING, "a cancel is idempotent by broker id: sent again"),
        _T.ABORTED: _move(_S.WANTED, "nothing left; still wanted"),
        _T.REPLY_OK: _move(_S.ACKED, "a late reply"),
        _T.REPLY_REFUSED: _move(_S.REFUSED, "a late reply"),
        _T.REPLY_AMBIGUOUS: _keep(_S.IN_DOUBT),
        _T.OBSERVED: _move(_S.DONE),
        _T.ORDER_ENDED: _move(_S.REFUSED, "the order ended first"),
    },
    _S.REFUSED: _settled(_S.REFUSED)
    | {_T.OBSERVED: AmendCell(_S.DONE, Verdict.LATE, "carried out after it was refused")},
    _S.DONE: _settled(_S.DONE),
}

AMEND_TRANSITIONS: Final[dict[AmendKind, dict[AmendState, AmendRow]]] = {
    AmendKind.CANCEL: _CANCEL_ROWS,
    AmendKind.REPLACE: _CANCEL_ROWS
    | {
        _S.WANTED: _CANCEL_ROWS[_S.WANTED]
        | {
            _T.ABORTED: _move(_S.REFUSED, "not sent; a new price needs a new approval"),
            _T.REPLY_OK: _keep(
                _S.WANTED, Verdict.ANOMALY, "a replace was accepted that was not sent"
            ),
            _T.OBSERVED: AmendCell(
                _S.DONE, Verdict.ANOMALY, "the terms changed before they were sent"
            ),
        },
        _S.SENDING: _CANCEL_ROWS[_S.SENDING]
        | {
            _T.ABORTED: _move(_S.REFUSED, "not sent; a new price needs a new approval"),
            _T.REPLY_OK: _move(_S.ACKED, "accepted is not replaced: the new terms must be seen"),
        },
        _S.ACKED: _CANCEL_ROWS[_S.ACKED]
        | {_T.SENT: _keep(_S.ACKED, Verdict.IMPOSSIBLE, "a replace is sent once")},
        _S.IN_DOUBT: _CANCEL_ROWS[_S.IN_DOUBT]
        | {
            _T.SENT: _keep(
                _S.IN_DOUBT, Verdict.IMPOSSIBLE, "a replace in doubt is never sent again"
            ),
            _T.ABORTED: _move(_S.REFUSED, "not sent; a new price needs a new approval"),
        },
    },
}
"""Total: every kind, state and trigger has its cell; ``tests`` hold that."""

SEEN_OUTCOME: Final[dict[AmendOutcome, tuple[AmendKind, AmendTrigger]]] = {
    AmendOutcome.CANCEL_ACKED: (AmendKind.CANCEL, AmendTrigger.REPLY_OK),
    AmendOutcome.CANCEL_REFUSED: (AmendKind.CANCEL, AmendTrigger.REPLY_REFUSED),
    AmendOutcome.REPLACE_ACKED: (AmendKind.REPLACE, AmendTrigger.REPLY_OK),
    AmendOutcome.REPLACE_DONE: (AmendKind.REPLACE, AmendTrigger.OBSERVED),
    AmendOutcome.REPLACE_REFUSED: (AmendKind.REPLACE, AmendTrigger.REPLY_REFUSED),
}
"""Which request a broker's words are about, and what they say of it."""


def move_amend(
    amend: Amend, trigger: AmendTrigger, *, reason: str = ""
) -> tuple[Amend, Verdict, str]:
    """Return the request after ``trigger``, the verdict and its note.

    Raises ``InvariantBroken`` for what only our own bug can do, such as sending a replace twice.
    """
    cell = AMEND_TRANSITIONS[amend.kind][amend.state][trigger]
    if cell.verdict is Verdict.IMPOSSIBLE:
        raise InvariantBroken(f"{amend.kind} {amend.state} cannot meet {trigger}: {cell.note}")
    if cell.next is amend.state:
        return amend, cell.verdict, cell.note
    why = reason or amend.reason
    if cell.next is AmendState.REFUSED and not reason:
        why = cell.note
    return msgspec.structs.replace(amend, state=cell.next, reason=why), cell.verdict, cell.note
