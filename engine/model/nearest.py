"""The names there are, for a message about one that there is not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(asked: str, known: Iterable[str]) -> str:
    """Return ``; nearest: x`` for the likeliest of ``known``, or what there is to choose from."""
    names = list(known)
    close = difflib.get_close_matches(asked, names, n=1, cutoff=0.5)
    if close:
        return f"; nearest: {close[0]}"
    return f"; known: {', '.join(sorted(names))}" if names else "; there are none"


def nearest_first(asked: str, known: Iterable[str]) -> str:
    """Return ``there are b, a, c`` with the name that was likely meant in front."""
    names = sorted(known)
    close = difflib.get_close_matches(asked, names, n=1, cutoff=0.4)
    ordered = [*close, *(name for name in names if name not in close)]
    return f"there are {', '.join(ordered)}" if ordered else "there are none"
