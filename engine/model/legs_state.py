"""The life of a part (one account's share of a leg group) as a table (reliability.md 3.1).

Every state against every trigger. Nothing is decided about a part while one of its legs is unknown:
STUCK leaves only by every leg being known again, to the state it came from.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, StrEnum
from typing import Final

from engine.errors import InvariantBroken
from engine.model.legs import GroupState


class GroupTrigger(StrEnum):
    """What happens to a part.

    APPROVED: every leg has a price and passed risk. REFUSED: risk said no, prices did not come, or
    it was taken back or killed before anything was sent. NOTHING_FILLED: the entry is over and no
    unit was filled. LEG_FAILED_*: a leg cannot be filled, and what the policy answers.
    LEG_UNKNOWN / LEGS_KNOWN: a leg's outcome became unknown / all are known again. FLAT: nothing is
    held and nothing works. FILLED_LATE: a fill came after the part was thought to be over.
    FLATTEN_WANTED: a kill that includes flattening, or a person after one.
    """

    APPROVED = "APPROVED"
    REFUSED = "REFUSED"
    FIRST_SEND = "FIRST_SEND"
    ALL_FILLED = "ALL_FILLED"
    NOTHING_FILLED = "NOTHING_FILLED"
    LEG_FAILED_UNWIND = "LEG_FAILED_UNWIND"
    LEG_FAILED_HOLD = "LEG_FAILED_HOLD"
    LEG_UNKNOWN = "LEG_UNKNOWN"
    LEGS_KNOWN = "LEGS_KNOWN"
    EXIT_WANTED = "EXIT_WANTED"
    FLAT = "FLAT"
    CANNOT_FLATTEN = "CANNOT_FLATTEN"
    KILL = "KILL"
    FLATTEN_WANTED = "FLATTEN_WANTED"
    FILLED_LATE = "FILLED_LATE"


class Special(Enum):
    """Cells that are no state. BACK: to where the part came from. IMPOSSIBLE: our own bug."""

    BACK = "BACK"
    IMPOSSIBLE = "IMPOSSIBLE"


Row = dict[GroupTrigger, GroupState | Special]

_S: Final = GroupState
_T: Final = GroupTrigger
_NEVER: Final[GroupState | Special] = Special.IMPOSSIBLE


def _never() -> Row:
    return dict.fromkeys(GroupTrigger, _NEVER)


def _over(state: GroupState, reopens: GroupState | Special) -> Row:
    """Return the row of a part that is over: only a late fill opens it again."""
    return _never() | {
        _T.EXIT_WANTED: state,
        _T.FLAT: state,
        _T.KILL: state,
        _T.FLATTEN_WANTED: state,
        _T.FILLED_LATE: reopens,
    }


def _leaving(state: GroupState, end: GroupState) -> Row:
    """Return the row of a part on its way out; what is left of its entry changes nothing."""
    return {
        _T.APPROVED: _NEVER,
        _T.REFUSED: _NEVER,
        _T.FIRST_SEND: _NEVER,
        _T.ALL_FILLED: state,
        _T.NOTHING_FILLED: end,
        _T.LEG_FAILED_UNWIND: state,
        _T.LEG_FAILED_HOLD: state,
        _T.LEG_UNKNOWN: _S.STUCK,
        _T.LEGS_KNOWN: _NEVER,
        _T.EXIT_WANTED: state,
        _T.FLAT: end,
        _T.CANNOT_FLATTEN: _S.STRANDED,
        _T.KILL: _S.KILLED,
        _T.FLATTEN_WANTED: state,
        _T.FILLED_LATE: state,
    }


TRANSITIONS: Final[dict[GroupState, Row]] = {
    _S.DRAFT: _never()
    | {
        _T.APPROVED: _S.CHECKED,
        _T.REFUSED: _S.REFUSED,
        _T.EXIT_WANTED: _S.REFUSED,
        _T.KILL: _S.REFUSED,
        _T.FLATTEN_WANTED: _S.REFUSED,
    },
    _S.CHECKED: _never()
    | {
        _T.REFUSED: _S.REFUSED,
        _T.FIRST_SEND: _S.WORKING,
        _T.NOTHING_FILLED: _S.UNWOUND,
        _T.EXIT_WANTED: _S.UNWINDING,
        _T.KILL: _S.KILLED,
        _T.FLATTEN_WANTED: _S.UNWINDING,
    },
    _S.WORKING: {
        _T.APPROVED: _NEVER,
        _T.REFUSED: _NEVER,
        _T.FIRST_SEND: _NEVER,
        _T.ALL_FILLED: _S.HELD,
        _T.NOTHING_FILLED: _S.UNWOUND,
        _T.LEG_FAILED_UNWIND: _S.UNWINDING,
        _T.LEG_FAILED_HOLD: _S.PARTIAL_HELD,
        _T.LEG_UNKNOWN: _S.STUCK,
        _T.LEGS_KNOWN: _NEVER,
        _T.EXIT_WANTED: _S.UNWINDING,
        _T.FLAT: _NEVER,
        _T.CANNOT_FLATTEN: _NEVER,
        _T.KILL: _S.KILLED,
        _T.FLATTEN_WANTED: _S.UNWINDING,
        _T.FILLED_LATE: _S.WORKING,
    },
    _S.HELD: {
        _T.APPROVED: _NEVER,
        _T.REFUSED: _NEVER,
        _T.FIRST_SEND: _NEVER,
        _T.ALL_FILLED: _S.HELD,
        _T.NOTHING_FILLED: _NEVER,
        _T.LEG_FAILED_UNWIND: _NEVER,
        _T.LEG_FAILED_HOLD: _NEVER,
        _T.LEG_UNKNOWN: _S.STUCK,
        _T.LEGS_KNOWN: _NEVER,
        _T.EXIT_WANTED: _S.EXITING,
        _T.FLAT: _S.CLOSED,
        _T.CANNOT_FLATTEN: _NEVER,
        _T.KILL: _S.KILLED,
        _T.FLATTEN_WANTED: _S.EXITING,
        _T.FILLED_LATE: _S.HELD,
    },
    _S.PARTIAL_HELD: {
        _T.APPROVED: _NEVER,
        _T.REFUSED: _NEVER,
        _T.FIRST_SEND: _NEVER,
        _T.ALL_FILLED: _S.HELD,
        _T.NOTHING_FILLED: _S.UNWOUND,
        _T.LEG_FAILED_UNWIND: _S.UNWINDING,
        _T.LEG_FAILED_HOLD: _S.PARTIAL_HELD,
        _T.LEG_UNKNOWN: _S.STUCK,
        _T.LEGS_KNOWN: _NEVER,
        _T.EXIT_WANTED: _S.EXITING,
        _T.FLAT: _S.CLOSED,
        _T.CANNOT_FLATTEN: _NEVER,
        _T.KILL: _S.KILLED,
        _T.FLATTEN_WANTED: _S.EXITING,
        _T.FILLED_LATE: _S.PARTIAL_HELD,
    },
    _S.UNWINDING: _leaving(_S.UNWINDING, _S.UNWOUND),
    _S.EXITING: _leaving(_S.EXITING, _S.CLOSED) | {_T.NOTHING_FILLED: _NEVER},
    _S.STUCK: _never()
    | {
        _T.LEG_UNKNOWN: _S.STUCK,
        _T.LEGS_KNOWN: Special.BACK,
        _T.EXIT_WANTED: _S.STUCK,
        _T.KILL: _S.STUCK,
        _T.FLATTEN_WANTED: _S.STUCK,
        _T.FILLED_LATE: _S.STUCK,
    },
    _S.STRANDED: _never()
    | {
        _T.LEG_UNKNOWN: _S.STUCK,
        _T.EXIT_WANTED: _S.EXITING,
        _T.FLAT: _S.CLOSED,
        _T.KILL: _S.STRANDED,
        _T.FLATTEN_WANTED: _S.EXITING,
        _T.ALL_FILLED: _S.STRANDED,
        _T.LEG_FAILED_UNWIND: _S.STRANDED,
        _T.LEG_FAILED_HOLD: _S.STRANDED,
        _T.FILLED_LATE: _S.STRANDED,
    },
    _S.KILLED: _never()
    | {
        _T.ALL_FILLED: _S.KILLED,
        _T.NOTHING_FILLED: _S.UNWOUND,
        _T.LEG_FAILED_UNWIND: _S.KILLED,
        _T.LEG_FAILED_HOLD: _S.KILLED,
        _T.LEG_UNKNOWN: _S.STUCK,
        _T.EXIT_WANTED: _S.EXITING,
        _T.FLAT: _S.CLOSED,
        _T.KILL: _S.KILLED,
        _T.FLATTEN_WANTED: _S.EXITING,
        _T.FILLED_LATE: _S.KILLED,
    },
    _S.REFUSED: _over(_S.REFUSED, _NEVER),
    _S.UNWOUND: _over(_S.UNWOUND, _S.UNWINDING),
    _S.CLOSED: _over(_S.CLOSED, _S.EXITING),
}
"""Total: every state and trigger has its cell; ``tests`` hold that."""


_LEAST_SETTLED_FIRST: Final = (
    _S.STRANDED,
    _S.STUCK,
    _S.KILLED,
    _S.UNWINDING,
    _S.EXITING,
    _S.WORKING,
    _S.CHECKED,
    _S.DRAFT,
    _S.PARTIAL_HELD,
    _S.HELD,
    _S.CLOSED,
    _S.UNWOUND,
    _S.REFUSED,
)


def least_settled(states: Iterable[GroupState]) -> GroupState:
    """Return which of its parts' states speaks for a group."""
    return min(states, key=_LEAST_SETTLED_FIRST.index)


def move(
    state: GroupState, trigger: GroupTrigger, came_from: GroupState | None = None
) -> GroupState:
    """Return the state after ``trigger``; ``came_from`` is where a STUCK part was before.

    A wish to leave or a kill of a STUCK part changes nothing yet: the caller changes what it will
    go back to. Raises ``InvariantBroken`` for a pair that only our own bug can bring about.
    """
    after = TRANSITIONS[state][trigger]
    if after is Special.IMPOSSIBLE:
        raise InvariantBroken(f"a group that is {state} cannot meet {trigger}")
    if after is Special.BACK:
        if came_from is None or came_from is GroupState.STUCK:
            raise InvariantBroken(f"a group is {state} and came from {came_from or 'nowhere'}")
        return came_from
    return after
