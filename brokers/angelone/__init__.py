"""Angel One: SmartStream market data, and the scrip master that names its instruments."""

from __future__ import annotations

from typing import Final

from brokers.angelone.normalize import AngelDecoder
from brokers.registry import BrokerSpec

BROKER: Final = BrokerSpec(name="angelone", title="Angel One", decoder=AngelDecoder)
