"""``engine positions``: what each strategy holds or held, and what it made of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import typer

from engine.cli import show
from engine.cli.output import JsonOption, write_json
from engine.model.money import ZERO, inr
from engine.runtime.readmodel import ReadModel
from engine.runtime.readmodel_schema import PositionRow
from engine.runtime.sessions_on_disk import find_session
from engine.runtime.summary import StrategySummary, summarise

_COLUMNS = (
    "strategy", "account", "instrument", "qty", "avg", "mark", "realised", "unrealised", "charges",
    "net",
)  # fmt: skip
_FIGURES = frozenset(_COLUMNS[3:])

Key = tuple[str, str, str]
"""Strategy, account and instrument."""


def positions(
    session: show.SessionOption = None,
    *,
    only_open: Annotated[
        bool, typer.Option("--open", help="Leave out what is flat again.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List positions, those still open first.

    By strategy, account and instrument.
    """
    folder = find_session(session)
    with ReadModel.open(folder) as model:
        charges = _charges(model)
        rows = [
            (position, charges[position.strategy, position.account, position.instrument])
            for position in model.positions()
            if position.quantity or not only_open
        ]
        summary = summarise(model)
    if as_json:
        write_json([_as_data(position, charges) for position, charges in rows])
        return
    show.say(show.session_line(summary.session, folder.name))
    if not rows:
        show.say("nothing is held" if only_open else "nothing was traded")
        return
    made = [_cells(position, charges) for position, charges in rows]
    if not only_open:
        made.append(_total(summary.total))
    show.table(_COLUMNS, made, right=_FIGURES)
    if any(p.quantity and p.mark is None for p, _ in rows):
        show.say(f"{show.UNKNOWN}: no last price; the session did not close in order")
    if summary.session.charges_unknown:
        show.say(f"charges are not known: {summary.session.charges_unknown}")


def _charges(model: ReadModel) -> dict[Key, Decimal | None]:
    """Return what the executed orders behind every position cost; None where that is not known."""
    totals: dict[Key, Decimal | None] = {}
    for order in model.orders():
        key = (order.strategy, order.account, order.instrument)
        before, own = totals.get(key, ZERO), order.charges_inr
        totals[key] = None if before is None or own is None else before + own
    return totals


def _net(gross: Decimal | None, charges: Decimal | None) -> Decimal | None:
    return None if gross is None or charges is None else gross - charges


def _cells(position: PositionRow, charges: Decimal | None) -> list[str | show.Cell]:
    return [
        position.strategy,
        position.account,
        position.symbol,
        str(position.quantity),
        show.price(position.average_price),
        show.price(position.mark) if position.quantity else "",
        show.profit(position.realised_inr),
        show.profit(position.unrealised_inr),
        show.UNKNOWN if charges is None else inr(-charges),
        show.profit(_net(position.gross_inr, charges)),
    ]


def _total(total: StrategySummary) -> list[str | show.Cell]:
    return [
        "total", "", "", "", "", "",
        show.profit(total.realised_inr),
        show.profit(total.unrealised_inr),
        show.UNKNOWN if total.charges is None else inr(-total.charges.total),
        show.profit(total.net_inr),
    ]  # fmt: skip


def _as_data(position: PositionRow, charges: Decimal | None) -> dict[str, object]:
    data = {name: getattr(position, name) for name in position.__struct_fields__}
    return {
        **data,
        "gross_inr": position.gross_inr,
        "charges_inr": charges,
        "net_inr": _net(position.gross_inr, charges),
    }
