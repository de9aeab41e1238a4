"""What a person means by an id: a group, an order by our tag or the broker's, or its beginning."""

from __future__ import annotations

import difflib

from engine.errors import FileError
from engine.runtime.readmodel import ReadModel
from engine.runtime.readmodel_schema import GroupRow
from engine.runtime.story import Story, tell_group, tell_order

_LISTED_MAX = 12


def tell(model: ReadModel, asked: str, session: str) -> Story:
    """Return the story of the group or order meant by ``asked``.

    An exact id comes first, then the beginning of exactly one. Raises ``FileError`` when nothing
    is meant, with the nearest ids, or more than one thing, with all of them. ``session`` is what
    the person knows the session by: the name of its folder.
    """
    groups = [row.group_id for row in model.rows(GroupRow)]
    orders: dict[str, str] = {}
    for order in model.orders():
        orders[order.client_id] = order.client_id
        for name in (order.broker_id, order.exchange_id):
            if name is not None:
                orders.setdefault(name, order.client_id)
    if asked in groups:
        return tell_group(model, asked)
    if asked.upper() in orders or asked in orders:
        return tell_order(model, orders.get(asked) or orders[asked.upper()])
    found_groups = [name for name in groups if name.startswith(asked)] if asked else []
    found_orders = list(
        dict.fromkeys(
            client_id
            for name, client_id in orders.items()
            if asked and name.upper().startswith(asked.upper())
        )
    )
    if len(found_groups) == 1 and not found_orders:
        return tell_group(model, found_groups[0])
    if len(found_orders) == 1 and not found_groups:
        return tell_order(model, found_orders[0])
    found = [*found_groups, *found_orders]
    if found:
        raise FileError(f"{asked!r} may be any of {_listed(found)}; write one of them out")
    raise FileError(
        f"no group or order {asked!r} in session {session}{_nearest(asked, [*groups, *orders])}"
    )


def _nearest(asked: str, names: list[str]) -> str:
    if not names:
        return "; it has none at all: nothing was asked for in it"
    close = difflib.get_close_matches(asked, names, n=3, cutoff=0.4)
    if close:
        return f"; nearest: {', '.join(close)}"
    return f"; its ids are {_listed(names)}"


def _listed(names: list[str]) -> str:
    more = len(names) - _LISTED_MAX
    return ", ".join(names[:_LISTED_MAX]) + (f" and {more} more" if more > 0 else "")
