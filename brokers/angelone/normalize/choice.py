"""Which decoder this process uses: the compiled one where it was built, else the one in Python."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from brokers.angelone.normalize.decoder import AngelDecoder
from engine.model.catalogue import Catalogue
from engine.model.tokens import TokenRow
from engine.native import Implementation, Twin, why_not_loaded
from engine.ports import Decoder

try:
    import brokers.angelone.normalize.compiled as compiled  # noqa: PLR0402 - from hides its absence
except ImportError as error:
    compiled = None  # type: ignore[assignment]
    _not_loaded = why_not_loaded(error)
else:
    _not_loaded = ""

TWIN: Final = Twin("decoder", compiled, Path(__file__).with_name("compiled.c"), _not_loaded)


def make_decoder(
    catalogue: Catalogue,
    tokens: Iterable[TokenRow],
    source: str,
    implementation: Implementation | None = None,
) -> Decoder:
    """Return a decoder for the instruments of ``tokens`` (``AngelDecoder``): the one in use.

    ``implementation`` is for comparing the two; the compiled one must be there. Raises
    ``FileError`` as ``AngelDecoder`` does, and as ``Twin.in_use`` does.
    """
    decoder = AngelDecoder(catalogue, tokens, source)
    if (implementation or TWIN.in_use().implementation) is Implementation.PYTHON:
        return decoder
    return decoder.compiled(compiled.CompiledDecoder)
