"""Which brokers there are, and what each answers for: found by name, imported when asked for."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.errors import FileError
from engine.model.catalogue import Catalogue
from engine.model.tokens import TokenRow
from engine.native import Twin
from engine.ports import Decoder, FrameMaker

MakeDecoder = Callable[[Catalogue, Sequence[TokenRow], str], Decoder]
"""``(catalogue, tokens, source) -> Decoder``: frames of ``source`` to ticks of ``catalogue``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSpec:
    """What a broker package offers, as its ``BROKER``.

    ``name`` is the word of the YAML, of a recording's header and of the command line. ``decoder``
    is None where the broker has no market data feed (DESIGN.md decision 12: a thing is missing
    only where a capability is); ``frame_maker`` goes the other way, for imports. Where a decoder
    has a compiled twin, ``decoder_twin`` says which of the two is in use.
    """

    name: str
    title: str
    decoder: MakeDecoder | None
    frame_maker: FrameMaker | None = None
    decoder_twin: Twin | None = None


class Registry:
    """Brokers by name; a package is imported the first time its name is asked for."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = dict(modules)

    def __getitem__(self, name: str) -> BrokerSpec:
        """Return the broker. Raises ``FileError`` with the known names for any other word."""
        if name not in self._modules:
            close = difflib.get_close_matches(name, self._modules, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise FileError(f"no broker {name!r}{hint} (known: {', '.join(self._modules)})")
        spec = importlib.import_module(self._modules[name]).BROKER
        if not isinstance(spec, BrokerSpec):
            raise TypeError(f"{self._modules[name]}.BROKER is not a BrokerSpec")
        return spec

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def decoder(
        self, name: str, catalogue: Catalogue, tokens: Sequence[TokenRow], source: str
    ) -> Decoder:
        """Make the decoder of broker ``name``.

        Raises ``FileError`` for an unknown broker, and for one without a market data feed.
        """
        spec = self[name]
        if spec.decoder is None:
            raise FileError(f"{spec.title} has no market data feed; its frames cannot be replayed")
        return spec.decoder(catalogue, tokens, source)

    def frame_maker(self, name: str) -> FrameMaker:
        """Return what makes frames of broker ``name``. Raises ``FileError`` as ``decoder`` does."""
        spec = self[name]
        if spec.frame_maker is None:
            raise FileError(f"{spec.title} has no market data feed; no frames of it can be made")
        return spec.frame_maker


BROKERS: Final = Registry({"angelone": "brokers.angelone"})
