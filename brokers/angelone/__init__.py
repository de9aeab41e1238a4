"""Angel One: SmartStream market data, and the scrip master that names its instruments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from brokers.angelone.instruments import read_master
from brokers.angelone.normalize import TWIN, make_decoder
from brokers.angelone.simulator.packets import invent_tokens
from brokers.angelone.wire import divisor
from brokers.angelone.wire.prints import PrintEncoder
from brokers.registry import BrokerSpec
from engine.model.tokens import Listing
from engine.ports import FrameMaker


def _read_listings(data: bytes, name: str) -> tuple[Sequence[Listing], Sequence[str]]:
    master = read_master(data, name)
    more = master.malformed - len(master.problems)
    return master.listings, (*master.problems, *((f"and {more} more",) if more else ()))


BROKER: Final = BrokerSpec(
    name="angelone",
    title="Angel One",
    decoder=make_decoder,
    decoder_twin=TWIN,
    frame_maker=FrameMaker(
        encoder=PrintEncoder,
        scale=divisor,
        invent_tokens=invent_tokens,
        read_master=_read_listings,
    ),
)
