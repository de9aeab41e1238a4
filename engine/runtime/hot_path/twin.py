"""The compiled module of this package, and whether it is used (``engine.native``)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from engine.native import Twin, why_not_loaded

try:
    import engine.runtime.hot_path.compiled as compiled  # noqa: PLR0402 - from hides its absence
except ImportError as error:
    compiled = None  # type: ignore[assignment]
    _not_loaded = why_not_loaded(error)
else:
    _not_loaded = ""

__all__ = ["TWIN", "compiled"]

TWIN: Final = Twin("frame loop", compiled, Path(__file__).with_name("compiled.c"), _not_loaded)
