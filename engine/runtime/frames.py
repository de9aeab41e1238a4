"""Frames as a run takes them: in batches, and by a loop over the ordinary ones among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class FrameBatch(Protocol):
    """Some consecutive frames of a recording, as parallel lists."""

    @property
    def first_frame(self) -> int:
        """The number of the first of them."""

    @property
    def received_at(self) -> Sequence[int]:
        """When each was received, ns UTC."""

    @property
    def payloads(self) -> Sequence[bytes]:
        """The bytes of each."""


class FrameLoop(Protocol):
    """Takes ordinary frames one after the other, faster than ``ReplayRunner.step`` (compiled)."""

    def run(
        self,
        received_at: Sequence[int],
        payloads: Sequence[bytes],
        start: int,
        stop: int,
        horizon: int,
    ) -> tuple[int, bool]:
        """Take ordinary frames from ``start`` on, as long as they are before ``horizon`` (ns).

        Return where the first is that was not taken, and whether the last one taken led to
        something: ``Kernel.conclude`` must finish it then.
        """
