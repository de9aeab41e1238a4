"""How the paper broker behaves: the ``paper`` section of the YAML."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from brokers.paper.faults import Fault


class PaperConfig(BaseModel):
    """Latency, slippage and scripted faults. Unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    latency_ms: float = Field(default=40.0, ge=0, allow_inf_nan=False)
    """From us to the exchange, one way."""

    reply_latency_ms: float = Field(default=40.0, ge=0, allow_inf_nan=False)
    """From the exchange back to us, one way."""

    reply_timeout_s: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    """How long a placement may stay without a reply before it counts as in doubt."""

    slippage_ticks: int = Field(default=1, ge=0)
    """Added, to our harm, to a print that fills an order where the recording has no book."""

    faults: tuple[Fault, ...] = ()
    """What is to go wrong, in order of precedence."""
