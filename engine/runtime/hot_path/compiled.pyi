from collections.abc import Callable, Sequence
from typing import Any, Final

from engine.core.desk import Desk
from engine.core.loss_watch import LossWatch
from engine.model.instrument import Instrument
from engine.model.market import Tick

SOURCE_SHA256: Final[str]

def mark(held: Sequence[tuple[int, int, float]], ticks: Sequence[Tick | None], /) -> float: ...

class TickGuard:
    def __init__(
        self,
        machine_stopwatch: Callable[[], int] | None,
        desk: Desk,
        name: str,
        function: Callable[[Any], None],
        stopwatch: Callable[[], int],
        budget_ns: int,
        failed: Callable[[BaseException], None],
        overran: Callable[[int], None],
        save: Callable[[], None] | None,
    ) -> None: ...
    def __call__(self, tick: Any, /) -> None: ...

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
        watch: LossWatch,
        look_every_ns: int,
    ) -> None: ...
    def run(
        self,
        received_at: Sequence[int],
        payloads: Sequence[bytes],
        start: int,
        stop: int,
        horizon: int,
    ) -> tuple[int, bool]: ...
