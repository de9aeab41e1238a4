"""The rules of the market as dated data, each with its source, and pure look-ups over it."""

from __future__ import annotations

from typing import Final

RULES_VERSION: Final = "2026-11-21"
"""The day to which these tables were compiled; a session's boot record names it."""
