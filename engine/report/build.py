"""Makes a session's ``DayReport`` of the read model and one more walk over its recording."""

from __future__ import annotations

from typing import Final

from engine.model.catalogue import Catalogue
from engine.model.codec import Codec
from engine.model.event import FeedHealthChanged, InlineEvent
from engine.report import lines
from engine.report.booking import bookings
from engine.report.day import DayReport, Ending, Provenance
from engine.report.feed import FeedSpan, stale_spans
from engine.report.groups import group_lines
from engine.report.market_view import MarketView, look
from engine.report.trades import statistics
from engine.report.walk import Market
from engine.rules.sessions import Sessions
from engine.runtime.journal_reader import canonical_hash
from engine.runtime.readmodel import ReadModel
from engine.runtime.readmodel_schema import FillRow, SessionRow
from engine.runtime.sessions_on_disk import SessionFolder
from engine.runtime.summary import summarise
from engine.sessionlog.format import RowKind
from engine.sessionlog.reader import SessionLog

_FEED_HEALTH: Final = FeedHealthChanged.__name__.encode()


def build(
    folder: SessionFolder,
    market: Market | None,
    sessions: Sessions,
    why_no_market: str = "",
) -> DayReport:
    """Return the report of a session.

    ``market`` is the recording it ran on, ``sessions`` its calendar. Where the recording is not at
    hand it is None, ``why_no_market`` says why, and the report has no curves. Raises ``FileError``
    for a journal, a session log or a recording that cannot be read.
    """
    log = SessionLog.open(folder.log)
    catalogue = log.header.catalogue()
    with ReadModel.open(folder) as model:
        session, summary = model.session, summarise(model)
        orders = model.orders()
        by_id = {order.client_id: order for order in orders}
        fills = model.rows(FillRow)
        groups = group_lines(model)
        positions = lines.position_lines(model.positions(), orders)
        refusals = lines.refusal_lines(model)
        messages = lines.message_lines(model.alerts())
        sources = {row.strategy: row.source_hash for row in model.strategies()}
    end = session.last_at if session.closed_at is None else session.closed_at
    view = MarketView()
    if market is not None:
        view = look(
            market,
            bookings(fills, by_id, market.catalogue),
            list(sources),
            _stale(log, catalogue, end),
            sessions,
            begin=session.booted_at,
            end=end,
        )
    strategies = [lines.strategy_line(each) for each in summary.strategies]
    total = lines.strategy_line(summary.total)
    return DayReport(
        provenance=_provenance(session, log, sources, canonical_hash(folder.journal)),
        ending=Ending(
            booted_at=session.booted_at,
            last_at=session.last_at,
            closed_at=session.closed_at,
            reason=session.closed_reason,
            boots=session.boots,
        ),
        notes=(*_notes(session, log, why_no_market), *view.notes),
        total=total,
        strategies=tuple(strategies),
        accounts=lines.account_lines(positions),
        statistics=(
            *(
                statistics(
                    each.strategy,
                    [group for group in groups if group.strategy == each.strategy],
                    each.gross_inr,
                    each.charges_inr,
                    view.drawdowns.get(each.strategy),
                )
                for each in strategies
            ),
            statistics(
                total.strategy,
                groups,
                total.gross_inr,
                total.charges_inr,
                view.drawdowns.get(None),
            ),
        ),
        positions=positions,
        groups=groups,
        orders=tuple(lines.order_line(order) for order in orders),
        fills=tuple(lines.fill_line(f, by_id[f.client_id], catalogue) for f in fills),
        refusals=refusals,
        charges=tuple(lines.charges_line(each) for each in (*summary.strategies, summary.total)),
        contract_notes=tuple(lines.note_line(note) for note in summary.notes),
        messages=messages,
        latencies=lines.latency_spreads(orders, fills, groups),
        feed=view.feed,
        curves=view.curves,
    )


def _provenance(
    session: SessionRow, log: SessionLog, sources: dict[str, str], journal_sha256: str
) -> Provenance:
    header = log.header
    made_up = header.synthetic
    return Provenance(
        session_id=session.session_id,
        trading_date=session.trading_date,
        mode=session.mode,
        recording=session.recording,
        recording_sha256=session.recording_hash,
        is_synthetic=session.is_synthetic,
        imported=session.imported,
        generator=None if made_up is None else made_up.generator,
        seed=None if made_up is None else made_up.seed,
        cadence_s=header.cadence_s,
        sources=tuple(source.name for source in header.sources),
        journal_sha256=journal_sha256,
        configuration_sha256=session.configuration_hash,
        engine_version=session.engine_version,
        engine_sha256=session.engine_hash,
        rules_version=session.rules_version,
        strategy_sha256=sources,
    )


def _notes(session: SessionRow, log: SessionLog, why_no_market: str) -> list[str]:
    notes = []
    if session.closed_at is None:
        notes.append(
            "the session did not end in order: nothing was marked at its end, and what its log had "
            "not written yet is missing"
        )
    if log.is_torn:
        notes.append(f"the last {log.lost_bytes} bytes of the session log were not finished")
    if session.boots > 1:
        notes.append(f"the session was started {session.boots} times")
    if session.charges_unknown:
        notes.append(f"charges are not known: {session.charges_unknown}")
    if why_no_market:
        notes.append(f"no curves and no word on the feed: {why_no_market}")
    return notes


def _stale(log: SessionLog, catalogue: Catalogue, end: int) -> tuple[FeedSpan, ...]:
    """Return when a feed was not fresh, as the session itself was told."""
    codec = Codec(catalogue)
    changes: list[tuple[int, FeedHealthChanged]] = []
    for row in log.rows((RowKind.DISPATCH_EVENT,)):
        if _FEED_HEALTH in row.payload:
            event = codec.decode(row.payload, InlineEvent)
            if isinstance(event, FeedHealthChanged):
                changes.append((row.at, event))
    return stale_spans(changes, end)
