"""Whether ordinary frames are looped over in C in this process."""

from __future__ import annotations

from engine.core.kernel import Kernel
from engine.model.instrument import Instrument
from engine.model.market import Tick
from engine.native import Implementation
from engine.ports import Decoder, VirtualBroker
from engine.runtime.frame_loop import twin
from engine.runtime.frames import FrameLoop


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
    if twin.TWIN.in_use().implementation is Implementation.PYTHON:
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
    )
