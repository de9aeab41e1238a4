"""What three brokers call the states of an order, as data (reliability.md 1.5).

A word no table has is UNRECOGNISED: kept, counted and asked about, never taken for OPEN. FILLED
says what the word says; whether the quantity agrees is for the merge to see. Words are compared
without case, spaces around them, and with ``_`` as a space (reliability.md 0, F9).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from engine.model.order_update import AmendOutcome, RemoteStatus


class Said(NamedTuple):
    """What a broker's words say of an order, and of a request on it."""

    status: RemoteStatus
    amend_outcome: AmendOutcome | None = None


_S: Final = RemoteStatus
_A: Final = AmendOutcome

UNRECOGNISED: Final = Said(_S.UNRECOGNISED)

ANGEL: Final[Mapping[str, Said]] = {
    # Order stream codes.
    "ab01": Said(_S.OPEN),
    "ab02": Said(_S.CANCELLED),
    "ab03": Said(_S.REJECTED),
    "ab04": Said(_S.NONE, _A.REPLACE_DONE),
    "ab05": Said(_S.FILLED),
    "ab06": Said(_S.PENDING),
    "ab07": Said(_S.CANCELLED),
    "ab08": Said(_S.NONE, _A.REPLACE_ACKED),
    "ab09": Said(_S.PENDING),
    "ab10": Said(_S.TRIGGER_PENDING),
    "ab11": Said(_S.NONE, _A.REPLACE_ACKED),
    # The order book's and the stream's words: ``orderstatus`` before ``status``.
    "open": Said(_S.OPEN),
    "open pending": Said(_S.PENDING),
    "put order req received": Said(_S.PENDING),
    "validation pending": Said(_S.PENDING),
    "after market order req received": Said(_S.PENDING),
    "trigger pending": Said(_S.TRIGGER_PENDING),
    "modified": Said(_S.NONE, _A.REPLACE_DONE),
    "modify pending": Said(_S.NONE, _A.REPLACE_ACKED),
    "modify validation pending": Said(_S.NONE, _A.REPLACE_ACKED),
    "modify after market order req received": Said(_S.NONE, _A.REPLACE_ACKED),
    "not modified": Said(_S.NONE, _A.REPLACE_REFUSED),
    "cancel pending": Said(_S.NONE, _A.CANCEL_ACKED),
    "not cancelled": Said(_S.NONE, _A.CANCEL_REFUSED),
    "cancelled": Said(_S.CANCELLED),
    "cancelled after market order": Said(_S.CANCELLED),
    "rejected": Said(_S.REJECTED),
    "complete": Said(_S.FILLED),
}
"""Angel One, by stream code or by word. AB00 is the stream's own greeting and no order's state."""

_REPLACE_ACKED: Final = Said(_S.NONE, _A.REPLACE_ACKED)
_CANCEL_ACKED: Final = Said(_S.NONE, _A.CANCEL_ACKED)

NOREN: Final[Mapping[tuple[str, str], Said]] = {
    ("pending", "newack"): Said(_S.PENDING),
    ("pending", "pendingnew"): Said(_S.PENDING),
    ("open", "new"): Said(_S.OPEN),
    ("new", "new"): Said(_S.OPEN),
    ("open", "modack"): _REPLACE_ACKED,
    ("open", "pendingreplace"): _REPLACE_ACKED,
    ("open", "replaced"): Said(_S.OPEN, _A.REPLACE_DONE),
    ("open", "canack"): _CANCEL_ACKED,
    ("open", "pendingcancel"): _CANCEL_ACKED,
    ("open", "fill"): Said(_S.OPEN),
    ("complete", "fill"): Said(_S.FILLED),
    ("canceled", "canceled"): Said(_S.CANCELLED),
    ("cancelled", "canceled"): Said(_S.CANCELLED),
    ("rejected", "rejected"): Said(_S.REJECTED),
}
"""Alice Blue (the Noren family), by status and report type."""

NOREN_STATUS: Final[Mapping[str, Said]] = {
    "trigger pending": Said(_S.TRIGGER_PENDING),
    "admin pending": Said(_S.PENDING),
    "a.rejected": Said(_S.REJECTED),
    "order error": Said(_S.REJECTED),
}
"""Alice Blue's statuses that say it all, whatever the report type."""

NOREN_REPORT: Final[Mapping[str, Said]] = {
    "replacerejected": Said(_S.NONE, _A.REPLACE_REFUSED),
    "cancelrejected": Said(_S.NONE, _A.CANCEL_REFUSED),
}
"""Alice Blue's report types that say it all, whatever the status: the lifecycle stays."""

QUANTSAPP: Final[Mapping[str, Said]] = {
    "placed": Said(_S.NONE),
    "transit": Said(_S.PENDING),
    "pending": Said(_S.OPEN),
    "partial": Said(_S.OPEN),
    "completed": Said(_S.FILLED),
    "cancelled": Said(_S.CANCELLED),
    "rejected": Said(_S.REJECTED),
    "failed": Said(_S.REJECTED),
}
"""Quantsapp. ``placed`` is the acknowledgement of its own gateway and says nothing of the book."""


def angel(word: str) -> Said:
    """Return what an Angel One stream code or status word says."""
    return ANGEL.get(_plain(word), UNRECOGNISED)


def noren(status: str, report_type: str = "") -> Said:
    """Return what an Alice Blue status says together with its report type.

    A rejection is of the order unless a request of ours is out, which the merge knows (F9).
    """
    state, report = _plain(status), _plain(report_type).replace(" ", "")
    for table, key in ((NOREN_REPORT, report), (NOREN_STATUS, state)):
        said = table.get(key)
        if said is not None:
            return said
    return NOREN.get((state, report), UNRECOGNISED)


def quantsapp(status: str, *, waits_for_trigger: bool = False) -> Said:
    """Return what a Quantsapp status says.

    ``waits_for_trigger``: it is a stop order whose stop was not triggered, and ``pending`` is then
    the exchange's trigger book.
    """
    word = _plain(status)
    if word == "pending" and waits_for_trigger:
        return Said(_S.TRIGGER_PENDING)
    return QUANTSAPP.get(word, UNRECOGNISED)


def _plain(word: str) -> str:
    return word.strip().casefold().replace("_", " ")
