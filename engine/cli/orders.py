"""``engine orders``: every order of a session, oldest first."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Annotated

import typer

from engine.cli import show
from engine.cli.output import JsonOption, write_json
from engine.errors import FileError
from engine.model.order import Lifecycle
from engine.rules.clock_time import clock_text
from engine.runtime.readmodel import ReadModel
from engine.runtime.readmodel_schema import GroupRow, OrderRow
from engine.runtime.sessions_on_disk import find_session
from engine.runtime.story_words import coded

_COLUMNS = (
    "time", "id", "group", "leg", "side", "qty", "instrument", "price", "state", "filled", "avg",
    "reason",
)  # fmt: skip
_FIGURES = frozenset({"qty", "price", "filled", "avg"})


def orders(
    session: show.SessionOption = None,
    strategy: Annotated[str | None, typer.Option(help="Only of this strategy.")] = None,
    group: Annotated[str | None, typer.Option(help="Only of this group.")] = None,
    state: Annotated[
        list[str] | None, typer.Option(help="Only in this state, e.g. FILLED; may be repeated.")
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """List the orders of a session.

    When, what, at what price, what became of them and why.
    """
    states = [_state(word) for word in state or ()]
    folder = find_session(session)
    with ReadModel.open(folder) as model:
        facts = model.session
        if strategy is not None:
            _require(strategy, [row.strategy for row in model.strategies()], "strategy")
        if group is not None:
            _require(group, [row.group_id for row in model.rows(GroupRow)], "group")
        found = model.orders(strategy=strategy, group_id=group, states=states)
    if as_json:
        write_json([_as_data(order) for order in found])
        return
    show.say(show.session_line(facts, folder.name))
    if not found:
        asked = strategy is not None or group is not None or states
        show.say("no order matches" if asked else "no order was made")
        return
    show.table(_COLUMNS, [cells(order) for order in found], right=_FIGURES)


def cells(order: OrderRow) -> list[str | show.Cell]:
    """Return an order as a row of the table."""
    way = " exit" if order.is_exit else ""
    return [
        clock_text(order.created_at),
        order.client_id,
        order.group_id,
        f"{order.leg}{way}",
        order.side,
        str(order.quantity),
        order.symbol,
        show.price(order.price),
        show.state(order.state),
        str(order.filled_quantity),
        show.price(order.average_price),
        reason(order),
    ]


def reason(order: OrderRow) -> str:
    """Return why an order is what it is: the broker's code and words, or ours."""
    return coded(order.code, order.reason)


def _as_data(order: OrderRow) -> dict[str, object]:
    data = {name: getattr(order, name) for name in order.__struct_fields__}
    return {**data, "average_price": order.average_price}


def _state(word: str) -> Lifecycle:
    try:
        return Lifecycle(word.upper())
    except ValueError:
        close = difflib.get_close_matches(word.upper(), list(Lifecycle), n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise FileError(f"--state {word}: no such state{hint} ({', '.join(Lifecycle)})") from None


def _require(asked: str, known: Collection[str], what: str) -> None:
    if asked in known:
        return
    close = difflib.get_close_matches(asked, known, n=3, cutoff=0.4)
    hint = f"; nearest: {', '.join(close)}" if close else f" (known: {', '.join(known) or 'none'})"
    raise FileError(f"--{what} {asked}: no such {what} in this session{hint}")
