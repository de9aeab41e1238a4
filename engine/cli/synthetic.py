"""Makes a recording of a synthetic session: seeded market -> SmartStream frames -> session log."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from brokers.angelone.simulator.packets import SnapshotEncoder, invent_tokens
from brokers.exchange.listings import MarketTerms
from brokers.exchange.seeded_market import CADENCE_S, GENERATOR, SeededMarket
from engine import __version__
from engine.errors import FileError
from engine.rules import RULES_VERSION
from engine.rules.sessions import Sessions
from engine.runtime.disk import FileDisk
from engine.sessionlog.compact import compact
from engine.sessionlog.format import Header, Source, Synthetic
from engine.sessionlog.row import Summary
from engine.sessionlog.writer import SessionLogWriter

SOURCE: Final = "angel"
DECODER: Final = "angelone"
ZSTD_LEVEL: Final = 12
"""A recording is made once and read often: a tenth smaller than a session's own level."""

_REASON: Final = "end of the synthetic session"


def make_header(market: SeededMarket) -> Header:
    """Return the header of a recording of ``market``: enough to make it again."""
    return Header(
        created_by=f"legwork {__version__}",
        trading_date=market.terms.trading_date,
        cadence_s=CADENCE_S,
        instruments=tuple(market.listings),
        sources=(Source(name=SOURCE, decoder=DECODER, tokens=invent_tokens(market.listings)),),
        rules_version=RULES_VERSION,
        synthetic=Synthetic(
            generator=GENERATOR,
            seed=market.terms.seed,
            parameters=msgspec.to_builtins(market.terms),
        ),
    )


def make_recording(
    terms: MarketTerms, out: Path, *, force: bool, tell: Callable[[int], None]
) -> Summary:
    """Write the session of ``terms`` to ``out``, whole or not at all.

    ``tell`` hears the receive time (ns, UTC) of every frame. Raises ``FileError`` for terms that
    cannot be met, when ``out`` is there and not to be replaced (``force``), and when it cannot be
    written.
    """
    if out.is_dir():
        raise FileError(f"{out}: is a folder; --out names the file to write")
    if out.exists() and not force:
        raise FileError(f"{out}: exists already; --force replaces it, --out takes another name")
    market = SeededMarket(terms, Sessions())
    header = make_header(market)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{out.parent}: cannot be made: {error.strerror}") from error
    stream = out.with_name(f".{out.name}.{os.getpid()}.stream")
    disk = FileDisk.create(stream)
    try:
        writer = SessionLogWriter(disk, header, name=str(out), flush_interval_ns=None)
        try:
            summary = _record(market, writer, header, tell)
        except BaseException:
            writer.abandon()
            raise
        compact(stream, out, zstd_level=ZSTD_LEVEL)
    finally:
        stream.unlink(missing_ok=True)
    return summary


def _record(
    market: SeededMarket, writer: SessionLogWriter, header: Header, tell: Callable[[int], None]
) -> Summary:
    encode = SnapshotEncoder(header.sources[0].tokens).encode
    received_at = 0
    for snapshot in market.snapshots():
        received_at = snapshot.received_at
        writer.frame(SOURCE, received_at, encode(snapshot))
        tell(received_at)
    return writer.close(received_at, _REASON)
