"""One canonical spelling for everything that is written down: JSON with instruments by key.

The same object gives the same bytes on every run: fields in declared order, dict entries in
insertion order (msgspec's ``deterministic`` order for sets and dicts where it is asked for).
"""

from __future__ import annotations

import json
import math
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import msgspec

from engine.errors import FileError
from engine.model.approval import Approved
from engine.model.catalogue import Catalogue
from engine.model.instrument import Instrument

T = TypeVar("T")


def _encode_unknown(value: Any) -> Any:
    if isinstance(value, Instrument):
        return value.key
    if isinstance(value, Approved):
        return {"approved": value.item, "checks": value.checks}
    if isinstance(value, Coroutine):
        return getattr(value, "__qualname__", type(value).__name__)
    raise TypeError(f"{type(value).__name__} has no written form")


_ENCODER = msgspec.json.Encoder(enc_hook=_encode_unknown)


# Not a function around it: an order's way calls it two dozen times.
encode: Final = _ENCODER.encode
"""Returns a value as JSON bytes. Raises ``TypeError`` for what has no written form."""


def encode_state(state: Any) -> bytes:
    """Return a strategy's state as ``encode`` does, but with NaN and infinity by their names.

    JSON has neither, and what ``encode`` makes of them, ``null``, reads back as no float. Their
    names (``NaN``, ``Infinity``) are those of Python's ``json``. Raises ``TypeError`` as above.
    """
    data = encode(state)
    if b"null" not in data:
        return data
    plain = msgspec.to_builtins(state, str_keys=True, enc_hook=_encode_unknown)
    if _is_finite(plain):
        return data
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()


def _is_finite(plain: Any) -> bool:
    if isinstance(plain, float):
        return math.isfinite(plain)
    if isinstance(plain, dict):
        return all(map(_is_finite, plain.values()))
    return not isinstance(plain, list | tuple) or all(map(_is_finite, plain))


class Codec:
    """Reads back what ``encode`` wrote, with instruments resolved in ``catalogue``."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._decoders: dict[Any, msgspec.json.Decoder[Any]] = {}

    def decode(self, data: bytes, kind: Any) -> Any:
        """Return the object of type ``kind`` in ``data``.

        Raises ``FileError`` naming the kind when the bytes do not hold one.
        """
        decoder = self._decoders.get(kind)
        if decoder is None:
            decoder = msgspec.json.Decoder(kind, dec_hook=self._decode_unknown)
            self._decoders[kind] = decoder
        try:
            return decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            name = getattr(kind, "__name__", "record")
            raise FileError(f"not a {name}: {error}") from error

    def decode_state(self, data: bytes, kind: type[T]) -> T:
        """Return the state of type ``kind`` that ``encode_state`` wrote. Raises ``FileError``."""
        try:
            plain = json.loads(data)
            return msgspec.convert(plain, kind, str_keys=True, dec_hook=self._decode_unknown)
        except (msgspec.ValidationError, ValueError) as error:
            raise FileError(f"not a {kind.__name__}: {error}") from error

    def _decode_unknown(self, kind: type, value: Any) -> Any:
        if kind is Instrument:
            return self._catalogue.by_key(value)
        raise NotImplementedError(kind.__name__)
