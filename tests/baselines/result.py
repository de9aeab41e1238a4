"""What of a session is pinned, written so that a difference is read line by line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256
from typing import Any

from engine.model.instrument import plain
from engine.rules.charges import KINDS, Charges
from engine.rules.clock_time import clock_text
from engine.runtime.journal_reader import canonical
from engine.runtime.readmodel import ReadModel
from engine.runtime.readmodel_schema import FillRow, MoveRow, OrderRow
from engine.runtime.sessions_on_disk import SessionFolder
from engine.runtime.summary import StrategySummary, summarise
from tests.conftest import Ended

BOOT = b'{"type":"SessionBooted",'


def result(folder: SessionFolder) -> dict[str, Any]:
    """Return orders, fills and money of each strategy, the day's note, and the journal's hash."""
    with ReadModel.open(folder) as model:
        summary = summarise(model)
        orders, fills, moves = model.orders(), model.rows(FillRow), model.rows(MoveRow)
    strategies = {}
    for row in summary.strategies:
        name = row.strategy
        strategies[name] = {
            "money": _money(row),
            "groups": [_move(m) for m in moves if m.group_id.startswith(f"{name}.")],
            "orders": [_order(order) for order in orders if order.strategy == name],
            "fills": [_fill(fill) for fill in fills if fill.strategy == name],
        }
    return {
        "strategies": strategies,
        "notes": {note.account: _charges(note.charges) for note in summary.notes},
        "journal": journal(folder),
    }


def refusal(ended: Ended) -> dict[str, Any]:
    """Return how a strategy that cannot run was refused."""
    return {"exit_code": ended.code, "said": (ended.out + ended.err).splitlines()}


def journal(folder: SessionFolder) -> dict[str, Any]:
    """Return how many records were decided, and their SHA-256.

    It is taken of the canonical journal (no host, wall time or epoch) without its boot: that
    record has the hashes of the engine's and the strategies' sources, which change with a comment.
    """
    boot, *decided = canonical(folder.journal).splitlines(keepends=True)
    if BOOT not in boot or any(BOOT in line for line in decided):
        raise ValueError(f"{folder.journal}: not one boot, at its start")
    return {"records": len(decided), "sha256": sha256(b"".join(decided)).hexdigest()}


def as_text(pinned: dict[str, Any]) -> str:
    """Return it as it stands in a file: JSON, a line for whatever happened."""
    return json.dumps(pinned, indent=1, ensure_ascii=False) + "\n"


def _money(row: StrategySummary) -> dict[str, Any]:
    return {
        "gross_inr": _rupees(row.gross_inr),
        "charges_inr": None if row.charges is None else _charges(row.charges),
        "net_inr": _rupees(row.net_inr),
    }


def _charges(charges: Charges) -> dict[str, str | None]:
    kinds: Iterable[str] = (*KINDS, "total")
    return {kind: _rupees(getattr(charges, kind)) for kind in kinds}


def _rupees(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)


def _move(move: MoveRow) -> str:
    return f"{clock_text(move.at)} {move.group_id} {move.before} to {move.after}: {move.why}"


def _order(order: OrderRow) -> str:
    number = f"{order.group_id} leg {order.leg}{' exit' if order.is_exit else ''}"
    asked = f"{order.side} {order.asked_quantity} {order.symbol} at {plain(order.asked_price)}"
    became = f"{order.state} at {plain(order.price)}, {order.filled_quantity} filled"
    why = f" ({order.code} {order.reason})" if order.reason else ""
    return f"{clock_text(order.created_at)} {order.client_id} {number}: {asked}, {became}{why}"


def _fill(fill: FillRow) -> str:
    traded = f"{fill.side} {fill.quantity} {fill.symbol} at {plain(fill.price)}"
    return f"{clock_text(fill.at)} {fill.client_id}: {traded}"
