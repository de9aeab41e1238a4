"""SmartStream frames to ticks and books: the decoder in Python, its compiled twin, and the choice.

``AngelDecoder`` is the reference. Its twin answers for plain frames and asks it about the rest.
"""

from brokers.angelone.normalize.choice import (
    Choice,
    Implementation,
    in_use,
    make_decoder,
    why_not_compiled,
)
from brokers.angelone.normalize.decoder import AngelDecoder

__all__ = [
    "AngelDecoder",
    "Choice",
    "Implementation",
    "in_use",
    "make_decoder",
    "why_not_compiled",
]
