"""A day's rows to a recording: tokens, header, frames, and a file that appears whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.errors import FileError
from engine.model.catalogue import InstrumentFacts
from engine.model.instrument import Kind
from engine.model.tokens import TokenRow
from engine.ports import Disk, FrameMaker
from engine.sessionlog.compact import compact
from engine.sessionlog.format import Header, Imported, Source
from engine.sessionlog.importing.days import Day
from engine.sessionlog.importing.hours import Hours
from engine.sessionlog.importing.identity import Places
from engine.sessionlog.importing.mapping import ImportMap, RowsAre
from engine.sessionlog.importing.prints import PrintMaker
from engine.sessionlog.writer import SessionLogWriter

_REASON: Final = "end of the import"
_ZSTD_LEVEL: Final = 6

LISTED: Final = "of the instrument list"
REAL: Final = "real: an index keeps its own for good"
SYNTHESIZED: Final = "synthesized: an index keeps its real one, every other contract is numbered"


def assign_tokens(places: Places, used: set[int]) -> tuple[dict[str, TokenRow], str]:
    """Return a token by key for every contract in use, and in words where they come from.

    Those of the instrument list where it has one for each, otherwise synthesized ones for all, by
    place in the canonical order of the whole import: the same files give the same tokens.
    """
    facts: dict[str, InstrumentFacts] = {f.key: f for f in places.used(used)}
    listed = {key: places.contracts.token(key) for key in facts}
    if all(listed[key] is not None for key, f in facts.items() if f.kind is not Kind.INDEX):
        indices = [f for f in facts.values() if listed[f.key] is None]
        rows = {row.key: row for row in places.maker.invent_tokens(indices)}
        for key, token in listed.items():
            if token is not None:
                rows[key] = TokenRow(facts[key].segment, token, key)
        if any(f.kind is not Kind.INDEX for f in facts.values()):
            return rows, LISTED
        return rows, REAL
    return {row.key: row for row in places.maker.invent_tokens(list(facts.values()))}, SYNTHESIZED


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingWriter:
    """Writes one recording per day. ``make_disk`` creates a file; ``decoder`` names the frames."""

    created_by: str
    rules_version: str
    source: str
    decoder: str
    maker: FrameMaker
    make_disk: Callable[[Path], Disk]
    mapped: ImportMap
    places: Places
    hours: Hours
    tokens: dict[str, TokenRow]

    def write(self, day: Day, imported: Imported, out: Path) -> None:
        """Write the recording of ``day`` to ``out``, a temporary name.

        Raises ``RecordingError`` when the disk fails, ``WireError`` for what no frame can carry.
        """
        facts = self.places.used(day.places)
        rows = tuple(self.tokens[f.key] for f in facts)
        keys = {f.key: place for place, f in enumerate(facts)}
        index = {place: keys[self.places.facts[place].key] for place in day.places}
        order = sorted(range(len(rows)), key=lambda n: _token_order(rows[n]))
        rank_of = {n: rank for rank, n in enumerate(order)}
        header = Header(
            created_by=self.created_by,
            trading_date=day.day,
            cadence_s=self.mapped.cadence_s,
            instruments=tuple(facts),
            sources=(Source(name=self.source, decoder=self.decoder, tokens=rows),),
            rules_version=self.rules_version,
            imported=imported,
        )
        is_candles = self.mapped.rows is RowsAre.CANDLES
        maker = PrintMaker(
            self.mapped,
            index,
            {place: rank_of[n] for place, n in index.items()},
            self.places.lots().to_pylist(),
            {n: self.hours.closes(n, day.day) for n in day.places} if is_candles else {},
        )
        encode = self.maker.encoder(rows).frames
        stream = out.with_name(f"{out.name}.stream")
        writer = SessionLogWriter(
            self.make_disk(stream), header, name=str(out), flush_interval_ns=None
        )
        last_at = day.first_at
        try:
            for received_at, prints in maker.prints(day.batches()):
                writer.frames(self.source, received_at, encode(prints))
                last_at = received_at[-1] if received_at else last_at
            writer.close(last_at, _REASON)
        except BaseException:
            writer.abandon()
            raise
        compact(stream, out, zstd_level=_ZSTD_LEVEL)
        stream.unlink()


def require_out(out: Path, days: int) -> None:
    """Raise ``FileError`` when ``out`` names one file and there are several days to write."""
    if days > 1 and out.suffix == ".arrow":
        raise FileError(
            f"{out}: the source holds {days} trading days, and a recording is of one; "
            "--out FOLDER writes a recording for each"
        )


def _token_order(row: TokenRow) -> tuple[int, int, str, str]:
    is_number = row.token.isdecimal()
    return (0 if is_number else 1, int(row.token) if is_number else 0, row.token, row.segment)
