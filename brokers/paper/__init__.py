"""The paper broker: the model exchange behind a broker's replies, latency, words and faults."""

from __future__ import annotations

from brokers.paper.broker import PaperBroker, PaperOrder
from brokers.paper.config import PaperConfig
from brokers.paper.faults import Fault, FaultAction, FaultMatch

__all__ = ["Fault", "FaultAction", "FaultMatch", "PaperBroker", "PaperConfig", "PaperOrder"]
