"""Text of others on a terminal: what a broker or a file says must not steer it or forge a line."""

from __future__ import annotations

import re
from typing import Final

_LINE: Final = "\n"
# Control characters but the tab, line and paragraph separators, and what turns the direction round.
_STEERING: Final = re.compile(
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)


def visible(text: str, *, keeps_lines: bool = False) -> str:
    r"""Return ``text`` with every steering character as ``\u001b``, which JSON reads back.

    ``keeps_lines`` is for text of several lines that we made ourselves.
    """
    return _STEERING.sub(
        lambda found: _LINE if keeps_lines and found[0] == _LINE else f"\\u{ord(found[0]):04x}",
        text,
    )
