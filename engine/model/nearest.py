"""The names there are, for a message about one that there is not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest_first(asked: str, names: Iterable[str]) -> str:
    """Return ``there are b, a, c`` with the name that was likely meant in front."""
    known = sorted(names)
    close = difflib.get_close_matches(asked, known, n=1, cutoff=0.4)
    ordered = [*close, *(name for name in known if name not in close)]
    return f"there are {', '.join(ordered)}" if ordered else "there are none"
