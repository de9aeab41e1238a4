"""The scripted fault list: which placements go wrong, and how.

A fault that matched nothing is reported at the end of the run, so that a typo in it is not silent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.model.instrument import Instrument
from engine.model.order import OrderRequest, Purpose


class FaultAction(StrEnum):
    """What goes wrong with a placement.

    ``reject``: accepted by reply, then rejected. ``fill_half``: half of the lots (rounded down) may
    fill, the rest stays open and never fills. ``reply_late``: the order lives, but everything said
    about it comes ``delay_s`` later. ``never_reply``: nothing is ever said about it.
    """

    REJECT = "reject"
    FILL_HALF = "fill_half"
    REPLY_LATE = "reply_late"
    NEVER_REPLY = "never_reply"


class FaultMatch(BaseModel):
    """Which placements are meant: every key given must agree.

    ``group`` is the group's name or its whole id. ``instrument`` is a symbol or a key.
    ``leg`` counts from 1, as every story does.
    ``nth`` counts the placements that agree, from 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: str | None = None
    group: str | None = None
    leg: int | None = Field(default=None, ge=1)
    purpose: Purpose | None = None
    attempt: int | None = Field(default=None, ge=1)
    instrument: str | None = None
    nth: int = Field(default=1, ge=1)

    @property
    def text(self) -> str:
        """The given keys, as they stand in the YAML."""
        given = self.model_dump(exclude_none=True, exclude_defaults=True, mode="json")
        return ", ".join(f"{key}: {value}" for key, value in given.items()) or "any placement"


class Fault(BaseModel):
    """One entry of the list. It fires ``times`` times (once, unless said otherwise)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: FaultMatch
    do: FaultAction
    times: int = Field(default=1, ge=1)
    code: str | None = None
    """``reject``: the broker's code; else its own."""
    reason: str | None = None
    """``reject``: the broker's sentence; else its own."""
    delay_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """``reply_late``: how much later, seconds."""
    reached: bool | None = None
    """``never_reply``: whether it reached the exchange and lives there; by default it does."""

    @model_validator(mode="after")
    def _keys_fit_the_action(self) -> Self:
        owners = {
            "code": FaultAction.REJECT,
            "reason": FaultAction.REJECT,
            "delay_s": FaultAction.REPLY_LATE,
            "reached": FaultAction.NEVER_REPLY,
        }
        for key, owner in owners.items():
            if getattr(self, key) is not None and self.do is not owner:
                raise ValueError(f"{key} belongs to 'do: {owner}', not to 'do: {self.do}'")
        if self.do is FaultAction.REPLY_LATE and self.delay_s is None:
            raise ValueError("'do: reply_late' needs delay_s, in seconds")
        return self


class FaultList:
    """The faults of one run and how often each has matched and fired."""

    def __init__(self, faults: Sequence[Fault], find: Callable[[str], Instrument]) -> None:
        """``find`` resolves an instrument's words; raises ``FileError`` for an unknown one."""
        self._faults = tuple(faults)
        self._instruments = tuple(
            None if fault.when.instrument is None else find(fault.when.instrument)
            for fault in faults
        )
        self._matched = [0] * len(faults)
        self._fired = [0] * len(faults)

    def pick(self, request: OrderRequest) -> Fault | None:
        """Return the fault this placement suffers, the first of the list that applies, or None."""
        for number, fault in enumerate(self._faults):
            if not self._agrees(number, request):
                continue
            self._matched[number] += 1
            nth = fault.when.nth
            if nth <= self._matched[number] < nth + fault.times:
                self._fired[number] += 1
                return fault
        return None

    def unfired(self) -> tuple[str, ...]:
        """Return one sentence for every fault that did not fire as often as it was asked to."""
        return tuple(
            f"paper.faults[{number}] ({fault.do}, when {fault.when.text}): fired "
            f"{self._fired[number]} of {fault.times} times; "
            f"{self._matched[number]} placements agreed with it"
            for number, fault in enumerate(self._faults)
            if self._fired[number] < fault.times
        )

    def _agrees(self, number: int, request: OrderRequest) -> bool:
        when = self._faults[number].when
        instrument = self._instruments[number]
        return (
            (when.strategy is None or when.strategy == request.strategy)
            and (when.group is None or when.group in _group_names(request))
            and (when.leg is None or when.leg == request.key.leg)
            and (when.purpose is None or when.purpose is request.purpose)
            and (when.attempt is None or when.attempt == request.key.attempt)
            and (instrument is None or instrument is request.instrument)
        )


def _group_names(request: OrderRequest) -> tuple[str, str]:
    """Return the id of the request's group and the name in it: ``strategy.name.number``."""
    group_id = request.key.group_id
    stem, _, _ = group_id.removeprefix(f"{request.strategy}.").rpartition(".")
    return group_id, stem
