"""SmartStream frames to ticks and books: the decoder in Python, its compiled twin, and the choice.

``AngelDecoder`` is the reference. Its twin answers for plain frames and asks it about the rest.
"""

from brokers.angelone.normalize.choice import TWIN, make_decoder
from brokers.angelone.normalize.decoder import AngelDecoder

__all__ = ["TWIN", "AngelDecoder", "make_decoder"]
