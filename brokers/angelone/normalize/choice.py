"""Which decoder this process uses: the compiled one where it was built, else the one in Python.

Both give the same ticks, so the choice is one of speed and stands outside of the configuration:
``LEGWORK_DECODER`` may be ``python`` or ``compiled`` to compare them, or to insist.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from brokers.angelone.normalize.decoder import AngelDecoder
from engine.errors import FileError
from engine.model.catalogue import Catalogue
from engine.model.tokens import TokenRow
from engine.ports import Decoder

try:
    import brokers.angelone.normalize.compiled as compiled  # noqa: PLR0402 - from hides its absence
except ModuleNotFoundError:
    compiled = None  # type: ignore[assignment]
    _not_loaded = "it is not built for this Python here; that takes a C compiler at installation"
except ImportError as error:
    compiled = None  # type: ignore[assignment]
    _not_loaded = f"it does not load: {error}"
else:
    _not_loaded = ""

VARIABLE: Final = "LEGWORK_DECODER"
SOURCE: Final = Path(__file__).with_name("compiled.c")


class Implementation(StrEnum):
    """What a decoder's short way is made of; the words of ``LEGWORK_DECODER``."""

    COMPILED = "compiled"
    PYTHON = "python"


class Choice(NamedTuple):
    """The decoder in use. ``why`` says why it is not the compiled one, else it is empty."""

    implementation: Implementation
    why: str

    def __str__(self) -> str:
        return f"{self.implementation}, {self.why}" if self.why else str(self.implementation)


def make_decoder(
    catalogue: Catalogue,
    tokens: Iterable[TokenRow],
    source: str,
    implementation: Implementation | None = None,
) -> Decoder:
    """Return a decoder for the instruments of ``tokens`` (``AngelDecoder``): the one in use.

    ``implementation`` is for comparing the two; the compiled one must be there. Raises
    ``FileError`` as ``AngelDecoder`` does, and as ``in_use`` does.
    """
    decoder = AngelDecoder(catalogue, tokens, source)
    if (implementation or in_use().implementation) is Implementation.PYTHON:
        return decoder
    return decoder.compiled(compiled.CompiledDecoder)


def in_use(environment: Mapping[str, str] = os.environ) -> Choice:
    """Return what decodes in this process, by ``LEGWORK_DECODER`` and by what is there.

    Raises ``FileError`` for a word ``LEGWORK_DECODER`` does not know, and where it insists on a
    compiled decoder that is not there.
    """
    asked = environment.get(VARIABLE, "")
    if asked not in ("", *Implementation):
        raise FileError(f"{VARIABLE} is {asked!r}; it may be {', '.join(Implementation)} or unset")
    if asked == Implementation.PYTHON:
        return Choice(Implementation.PYTHON, f"{VARIABLE} asks for it")
    missing = why_not_compiled()
    if missing and asked:
        raise FileError(f"{VARIABLE} asks for the compiled decoder, but {missing}")
    return Choice(Implementation.PYTHON if missing else Implementation.COMPILED, missing)


def why_not_compiled() -> str:
    """Return why the compiled decoder cannot be used; empty where it can.

    One built from another source than the one beside it is not used: what a session says of its
    engine is the hash of the sources.
    """
    if _not_loaded:
        return _not_loaded
    if hashlib.sha256(SOURCE.read_bytes()).hexdigest() != compiled.SOURCE_SHA256:
        return f"it was built from another {SOURCE.name} than this; install again to build it"
    return ""
