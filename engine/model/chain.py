"""Which options an author wants to watch."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple


class ChainSpec(NamedTuple):
    """``strikes`` each side of at the money, calls and puts, of one expiry.

    ``expiry`` is a date or one of the words ``nearest``, ``weekly``, ``next``, ``monthly``.
    """

    underlying: str
    expiry: str | date
    strikes: int
