from collections.abc import Callable, Sequence
from typing import Final

from engine.core.desk import Desk
from engine.model.instrument import Instrument
from engine.model.market import Tick

SOURCE_SHA256: Final[str]

def mark(held: Sequence[tuple[int, int, float]], ticks: Sequence[Tick | None], /) -> float: ...

class FrameLoop:
    def __init__(
        self,
        desk: Desk,
        decode: Callable[[bytes, int], Tick | None],
        tick: type[Tick],
        instrument: type[Instrument],
        ticks: list[Tick | None],
        frames: list[bytes],
        busy: list[int],
        subscribed: bytearray,
        wants_depth: bytearray,
        book: list[Tick | None],
        routes: list[tuple[Callable[[Tick], None], ...]],
    ) -> None: ...
    def run(
        self,
        received_at: Sequence[int],
        payloads: Sequence[bytes],
        start: int,
        stop: int,
        horizon: int,
    ) -> tuple[int, bool]: ...
