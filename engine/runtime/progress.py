"""How far a run is."""

from __future__ import annotations

import msgspec


class Progress(msgspec.Struct):
    """How far a run is. Times are ns UTC; ``longest_callback_ns`` is wall time."""

    frames: int = 0
    frames_total: int = 0
    events: int = 0
    bad_frames: int = 0
    now: int = 0
    longest_callback_ns: int = 0
