"""Whether compiled twins of hot paths are used: where they were built, unless Python is asked for.

A twin does what its Python does, faster. The choice is therefore one of speed and stands outside of
the configuration: ``LEGWORK_HOT_PATH`` may be ``python`` or ``compiled`` to compare them, or to
insist.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple

from engine.errors import FileError

VARIABLE: Final = "LEGWORK_HOT_PATH"


class Implementation(StrEnum):
    """What a hot path is made of; the words of ``LEGWORK_HOT_PATH``."""

    COMPILED = "compiled"
    PYTHON = "python"


class Choice(NamedTuple):
    """What is in use. ``why`` says why it is not the compiled twin, else it is empty."""

    implementation: Implementation
    why: str

    def __str__(self) -> str:
        return f"{self.implementation}, {self.why}" if self.why else str(self.implementation)


class Twin(NamedTuple):
    """A compiled module, None where it could not be imported, and the C source it is made from.

    ``not_loaded`` says why it could not (``why_not_loaded``), ``what`` what it is a twin of.
    """

    what: str
    module: ModuleType | None
    source: Path
    not_loaded: str

    def in_use(self, environment: Mapping[str, str] = os.environ) -> Choice:
        """Return what this process uses, by ``LEGWORK_HOT_PATH`` and by what is there.

        Raises ``FileError`` for a word ``LEGWORK_HOT_PATH`` does not know, and where it insists on
        a compiled twin that is not there.
        """
        asked = environment.get(VARIABLE, "")
        if asked not in ("", *Implementation):
            raise FileError(
                f"{VARIABLE} is {asked!r}; it may be {', '.join(Implementation)} or unset"
            )
        if asked == Implementation.PYTHON:
            return Choice(Implementation.PYTHON, f"{VARIABLE} asks for it")
        missing = self.why_not()
        if missing and asked:
            raise FileError(f"{VARIABLE} asks for the compiled {self.what}, but {missing}")
        return Choice(Implementation.PYTHON if missing else Implementation.COMPILED, missing)

    def why_not(self) -> str:
        """Return why the compiled twin cannot be used; empty where it can.

        One built from another source than the one beside it is not used: what a session says of
        its engine is the hash of the sources.
        """
        if self.module is None:
            return self.not_loaded
        if hashlib.sha256(self.source.read_bytes()).hexdigest() != self.module.SOURCE_SHA256:
            return (
                f"it was built from another {self.source.name} than this; install again to build it"
            )
        return ""


def why_not_loaded(error: ImportError) -> str:
    """Return why a compiled module could not be imported."""
    if isinstance(error, ModuleNotFoundError):
        return "it is not built for this Python here; that takes a C compiler at installation"
    return f"it does not load: {error}"
