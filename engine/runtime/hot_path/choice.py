"""What a run goes through most in this process: the compiled parts where they are used."""

from __future__ import annotations

from functools import partial

from engine.core.kernel import Kernel
from engine.core.ledger import Mark, mark
from engine.core.loss_watch import LOSS_WATCH_NS
from engine.core.seat import Guard, guard
from engine.model.instrument import Instrument
from engine.model.market import Tick
from engine.native import Implementation
from engine.ports import Decoder, VirtualBroker
from engine.runtime.clock import STOPWATCH_IS_MONOTONIC, stopwatch_ns
from engine.runtime.frames import FrameLoop
from engine.runtime.hot_path import twin


def marking() -> Mark:
    """Return what values all that is held. Raises ``FileError`` as ``Twin.in_use`` does."""
    return twin.compiled.mark if _is_compiled() else mark


def guarding() -> Guard:
    """Return what guards every ``on_tick``. Raises ``FileError`` as ``Twin.in_use`` does.

    The compiled one reads the machine's own stopwatch without calling it.
    """
    if not _is_compiled():
        return guard
    return partial(twin.compiled.TickGuard, stopwatch_ns if STOPWATCH_IS_MONOTONIC else None)


def make_frame_loop(
    kernel: Kernel,
    decoder: Decoder,
    broker: VirtualBroker,
    subscribed: bytearray,
    wants_depth: bytearray,
) -> FrameLoop | None:
    """Return the compiled loop over ordinary frames for these parts of a run, None without one.

    Raises ``FileError`` as ``Twin.in_use`` does.
    """
    if not _is_compiled():
        return None
    return twin.compiled.FrameLoop(
        kernel.desk,
        decoder.tick,
        Tick,
        Instrument,
        broker.ticks,
        broker.frames,
        broker.busy,
        subscribed,
        wants_depth,
        kernel.desk.book.ticks,
        kernel.listening.on_tick,
        kernel.halting.loss_watch,
        LOSS_WATCH_NS,
    )


def _is_compiled() -> bool:
    return twin.TWIN.in_use().implementation is Implementation.COMPILED
