from typing import Final

from brokers.angelone.normalize.decoder import AngelDecoder
from engine.model.instrument import Instrument
from engine.model.market import Depth, Tick

SOURCE_SHA256: Final[str]

class CompiledDecoder:
    def __init__(
        self,
        python: AngelDecoder,
        make: type[Tick],
        source: str,
        ltp: dict[bytes, Instrument],
        quote: dict[bytes, Instrument],
        snap: dict[bytes, Instrument],
    ) -> None: ...
    def tick(self, frame: bytes, received_at: int) -> Tick | None: ...
    def depth(self, frame: bytes, received_at: int) -> Depth | None: ...
