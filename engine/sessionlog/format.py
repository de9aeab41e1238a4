"""The session log's format: one Arrow schema, and the header that makes a log self-contained.

Recordings and session logs are the same kind of file (docs/decisions/0002). While it is written it
is an Arrow IPC *stream*, appended in small batches; once closed it is compacted to an Arrow IPC
*file*. Both hold the same rows and the same header, which is JSON under ``HEADER_KEY`` in the
schema's metadata, so that pandas, polars and anything else that knows Arrow can read them.
"""

from __future__ import annotations

import re
from datetime import date
from enum import IntEnum
from typing import Any, Final

import msgspec
import pyarrow as pa

from engine.errors import FileError, RecordingError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.tokens import TokenRow, TokenTable

FORMAT_NAME: Final = "legwork-session-log"
FORMAT_VERSION: Final = 1
FORMAT: Final = f"{FORMAT_NAME}/{FORMAT_VERSION}"
HEADER_KEY: Final = b"legwork"

OWN_SOURCE: Final = "engine"
"""The source of rows that came from no socket."""

_SOURCES_MAX: Final = 100


class RowKind(IntEnum):
    """What a row holds; the number is its code in the ``kind`` column's dictionary.

    ======================  =======================  ==============  =============================
    kind                    seq                      at              payload
    ======================  =======================  ==============  =============================
    FRAME                   frame number             received        the socket's bytes
    TEXT                    number of the next FRAME received        a text frame, UTF-8
    CONNECTION              number of the next FRAME happened        ``row.Connection``, JSON
    DISPATCH_FRAMES         first kseq               first event     ``row.Run``, JSON
    DISPATCH_EVENT          kseq                     handled         the event, tagged JSON
    EFFECTS                 kseq                     handled         ``row.ChainedEffects``, JSON
    CLOSED                  number of rows before    closed          ``row.Summary``, JSON
    ======================  =======================  ==============  =============================
    """

    FRAME = 0
    TEXT = 1
    CONNECTION = 2
    DISPATCH_FRAMES = 3
    DISPATCH_EVENT = 4
    EFFECTS = 5
    CLOSED = 6


class Synthetic(msgspec.Struct, frozen=True, kw_only=True):
    """How a made-up session was made; it is called synthetic wherever it is shown."""

    generator: str
    seed: int
    parameters: dict[str, Any] = {}


class ImportedFile(msgspec.Struct, frozen=True):
    """A file that was read, and its SHA-256, hex."""

    name: str
    sha256: str


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """How frames were made from candles or snapshots of real prices; it is said where it is shown.

    ``made_from``: ``candles`` or ``snapshots``; ``path``: how a candle became prints, in words.
    ``has_books``: False where the source shows no bid and ask, so that an empty book in a frame
    means *not known*, not *nobody*. Of ``rows_read`` rows ``rows_used`` are in this recording,
    ``rows_of_other_days`` in others, and the rest was left out, counted by reason in ``skipped``;
    ``changed`` counts rows that were rounded, put in order or taken in spite of something.
    """

    made_from: str
    map: str
    map_sha256: str
    files: tuple[ImportedFile, ...]
    instruments: str
    tokens: str
    path: str
    has_books: bool
    rows_read: int
    rows_used: int
    rows_of_other_days: int
    skipped: dict[str, int] = {}
    changed: dict[str, int] = {}
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Where the frames come from, for a label."""
        more = f" and {len(self.files) - 1} more" if len(self.files) > 1 else ""
        return f"frames made from {self.made_from} of {self.files[0].name}{more}"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A socket that was recorded: its decoder's name in the registry, and its token table."""

    name: str
    decoder: str
    tokens: tuple[TokenRow, ...] = ()


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a log says about itself.

    ``cadence_s``: how often the feed prints an instrument, 0.0 for a live tick feed.
    ``instruments``: in order of index; ``sources``: in order of their code in the ``source``
    column, whose last code is ``OWN_SOURCE``. ``hashes``: SHA-256, hex, by what they are of.
    ``boot``: of a session, what DESIGN.md section 2 lists under *Boot*; empty in a recording.
    ``imported`` is left out of the JSON where frames came from a socket or a generator.
    """

    created_by: str
    trading_date: date
    cadence_s: float
    instruments: tuple[InstrumentFacts, ...]
    sources: tuple[Source, ...]
    rules_version: str
    synthetic: Synthetic | None = None
    hashes: dict[str, str] = {}
    boot: dict[str, Any] = {}
    format: str = FORMAT
    imported: Imported | msgspec.UnsetType = msgspec.UNSET

    @property
    def is_imported(self) -> bool:
        """True when no socket delivered these frames: they were made from candles or snapshots."""
        return self.imported is not msgspec.UNSET

    @property
    def made_from(self) -> str:
        """What imported frames were made from, in words; empty where they are not."""
        return "" if self.imported is msgspec.UNSET else self.imported.text

    @property
    def shows_books(self) -> bool:
        """False when an empty book in a frame says nothing about the market."""
        return self.imported is msgspec.UNSET or self.imported.has_books

    @property
    def is_synthetic(self) -> bool:
        """True when no exchange ever printed these prices."""
        return self.synthetic is not None

    def source_names(self) -> list[str]:
        """The dictionary of the ``source`` column."""
        return [*(source.name for source in self.sources), OWN_SOURCE]

    def catalogue(self) -> Catalogue:
        """Make the session's catalogue. Raises ``FileError`` for contradicting instruments."""
        return Catalogue.of(self.instruments)

    def tokens(self, source: str, catalogue: Catalogue) -> TokenTable:
        """Make the token table of ``source``. Raises ``RecordingError`` for an unknown source."""
        for known in self.sources:
            if known.name == source:
                return TokenTable.of(catalogue, known.tokens)
        names = ", ".join(known.name for known in self.sources) or "none"
        raise RecordingError(f"no source {source!r} in this recording; it has: {names}")

    def check(self) -> None:
        """Raise ``RecordingError`` when the header contradicts itself."""
        names = self.source_names()
        if len(names) > _SOURCES_MAX:
            raise RecordingError(f"{len(names)} sources; a log holds at most {_SOURCES_MAX}")
        for name in names:
            if not name or names.count(name) > 1:
                raise RecordingError(
                    f"source {name!r} is empty, twice or reserved; name each socket differently"
                )
        keys = {facts.key for facts in self.instruments}
        if len(keys) != len(self.instruments):
            raise RecordingError("an instrument is listed twice; its index would be ambiguous")
        for source in self.sources:
            for row in source.tokens:
                if row.key not in keys:
                    raise RecordingError(
                        f"token {row.token} of {source.name} means {row.key}, "
                        "which is not among the instruments"
                    )


class _FormatOnly(msgspec.Struct):
    format: str
    created_by: str = "an unknown version"


_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_DECODER: Final = msgspec.json.Decoder(Header)
_FORMAT_DECODER: Final = msgspec.json.Decoder(_FormatOnly)
_INDEXED_NAMES: Final = pa.dictionary(pa.int8(), pa.utf8())

KIND_NAMES: Final = tuple(kind.name.lower() for kind in RowKind)
COLUMNS: Final = ("kind", "seq", "at", "source", "payload")


def encode_header(header: Header) -> bytes:
    """Return the header as it is written. Raises ``RecordingError`` when it is inconsistent."""
    header.check()
    return _ENCODER.encode(header)


def decode_header(data: bytes, name: str) -> Header:
    """Read a header of the file called ``name``. Raises ``RecordingError``."""
    try:
        written = _FORMAT_DECODER.decode(data)
        version = re.fullmatch(rf"{FORMAT_NAME}/(\d{{1,9}})", written.format)
        if version is not None and int(version[1]) == FORMAT_VERSION:
            header = _DECODER.decode(data)
            header.check()
            header.catalogue()
            return header
    except (FileError, ValueError, ArithmeticError) as error:
        raise RecordingError(
            f"{name}: its header is damaged ({error}); copy the file again from where it was made"
        ) from error
    if version is None:
        raise RecordingError(
            f"{name}: its format is {written.format!r}, which is not a Legwork recording"
        )
    raise RecordingError(
        f"{name}: written in format {written.format} by {written.created_by}; this engine "
        f"reads {FORMAT}: use the version of Legwork that wrote it, or a newer one"
    )


def make_schema(header_json: bytes) -> pa.Schema:
    """Return the one schema of a log, with its header."""
    types = (_INDEXED_NAMES, pa.int64(), pa.timestamp("ns", tz="UTC"), _INDEXED_NAMES, pa.binary())
    fields = [
        pa.field(column, kind, nullable=False) for column, kind in zip(COLUMNS, types, strict=True)
    ]
    return pa.schema(fields, metadata={HEADER_KEY: header_json})
