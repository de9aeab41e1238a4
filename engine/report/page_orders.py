"""The page's tables of what was done: groups, orders, fills, what was refused, what was said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.model.order import Lifecycle
from engine.report import show
from engine.report.day import (
    DayReport,
    FillLine,
    GroupLine,
    MessageLine,
    OrderLine,
    RefusalLine,
)
from engine.report.html import Column, Html, join, table, tag

EVERYTHING: Final = "engine report --format csv has them all"

_BAD: Final = frozenset({Lifecycle.REJECTED, Lifecycle.IN_DOUBT, Lifecycle.QUARANTINED})
_ODD: Final = frozenset({Lifecycle.DENIED, Lifecycle.NOT_PLACED, Lifecycle.EXPIRED})


def groups(report: DayReport) -> Html:
    """Return every leg group, with its times and what came of it."""
    if not report.groups:
        return tag("p", "No group was asked for.")
    return table("Groups", _GROUP, report.groups, everything=EVERYTHING)


def orders(report: DayReport) -> Html:
    """Return orders and fills; what went wrong has a table of its own, so that none is left out."""
    if not report.orders:
        return tag("p", "No order was made.")
    wrong = [line for line in report.orders if line.state in _BAD | _ODD]
    return join(
        (
            table("Orders that went wrong", _WRONG, wrong, everything=EVERYTHING)
            if wrong
            else tag("p", "No order was rejected, denied or left in doubt."),
            table("Orders", _ORDER, report.orders, everything=EVERYTHING),
            table("Fills", _FILL, report.fills, everything=EVERYTHING)
            if report.fills
            else tag("p", "Nothing was filled."),
        )
    )


def refusals(report: DayReport) -> Html:
    """Return what risk refused, with the rule, its figure and its limit."""
    if not report.refusals:
        return tag("p", "Risk refused nothing.")
    return table("Refusals by risk", _REFUSAL, report.refusals, everything=EVERYTHING)


def messages(report: DayReport) -> Html:
    """Return what a person was told."""
    if not report.messages:
        return tag("p", "Nobody was told anything.")
    return table("Alerts", _MESSAGE, report.messages, everything=EVERYTHING)


def _order_state(line: OrderLine) -> Html | str:
    if line.state in _BAD:
        return tag("span", line.state, class_="bad")
    return tag("span", line.state, class_="odd") if line.state in _ODD else line.state


def _group_state(line: GroupLine) -> Html | str:
    return tag("span", line.state, class_="bad") if line.needs_a_person else line.state


def _naked(line: GroupLine) -> Html | str:
    if line.naked_s is None:
        return show.NOT_KNOWN
    text = f"{line.naked_s:.3f} s"
    over = line.naked_limit_s is not None and line.naked_s > line.naked_limit_s
    return tag("span", text, class_="loss") if over else text


def _level(line: MessageLine) -> Html | str:
    styles = {"critical": "bad", "warning": "odd"}
    return tag("span", line.level, class_=styles.get(line.level))


_GROUP: Sequence[Column[GroupLine]] = [
    Column("group", lambda line: line.group_id),
    Column("state", _group_state),
    Column("net", lambda line: show.profit(line.net_inr), is_figure=True),
    Column("legs", lambda line: join(line.legs, Html("<br>"))),
    Column("asked", lambda line: show.clock(line.asked_at), is_figure=True),
    Column("whole after ms", lambda line: show.millis(line.to_whole_ms), is_figure=True),
    Column("leaves at", lambda line: show.clock(line.leaving_at), is_figure=True),
    Column("flat at", lambda line: show.clock(line.flat_at), is_figure=True),
    Column("held", lambda line: show.duration(line.held_s), is_figure=True),
    Column("without hedge", _naked, is_figure=True),
    Column("slippage", lambda line: show.cost(line.slippage_inr), is_figure=True),
    Column("gross", lambda line: show.profit(line.gross_inr), is_figure=True),
    Column("charges", lambda line: show.cost(line.charges_inr), is_figure=True),
    Column("why", lambda line: tag("span", line.why, class_="words")),
]
_WHO: Sequence[Column[OrderLine]] = [
    Column("time", lambda line: show.clock(line.created_at)),
    Column("order", lambda line: line.client_id),
    Column("group, leg", lambda line: _leg(line)),  # noqa: PLW0108 - defined below
    Column("side", lambda line: line.side),
    Column("quantity", lambda line: f"{line.quantity:,}", is_figure=True),
    Column("instrument", lambda line: line.symbol),
    Column("limit", lambda line: show.price(line.price), is_figure=True),
    Column("state", _order_state),
]
_WRONG: Sequence[Column[OrderLine]] = [
    *_WHO,
    Column("reason", lambda line: tag("span", line.reason, class_="words")),
]
_ORDER: Sequence[Column[OrderLine]] = [
    *_WHO,
    Column("filled", lambda line: f"{line.filled_quantity:,}", is_figure=True),
    Column("average", lambda line: show.price(line.average_price), is_figure=True),
    Column("decided at", lambda line: show.price(line.decision_price), is_figure=True),
    Column("charges", lambda line: show.money(line.charges_inr), is_figure=True),
    Column("account", lambda line: line.account),
]
_FILL: Sequence[Column[FillLine]] = [
    Column("time", lambda line: show.clock(line.at)),
    Column("side", lambda line: line.side),
    Column("quantity", lambda line: f"{line.quantity:,}", is_figure=True),
    Column("instrument", lambda line: line.symbol),
    Column("price", lambda line: show.price(line.price), is_figure=True),
    Column("value", lambda line: show.money(line.value), is_figure=True),
    Column("slippage", lambda line: show.cost(line.slippage_inr), is_figure=True),
    Column("group", lambda line: line.group_id),
    Column("account", lambda line: line.account),
    Column("order", lambda line: line.client_id),
]
_REFUSAL: Sequence[Column[RefusalLine]] = [
    Column("time", lambda line: show.clock(line.at)),
    Column("strategy", lambda line: line.strategy),
    Column("group", lambda line: line.group_id),
    Column("rule", lambda line: line.rule or show.NOT_KNOWN),
    Column("figure", lambda line: line.figure),
    Column("limit", lambda line: line.limit),
    Column("whose", lambda line: line.scope),
    Column("why", lambda line: tag("span", line.text, class_="words")),
]
_MESSAGE: Sequence[Column[MessageLine]] = [
    Column("time", lambda line: show.clock(line.at)),
    Column("level", _level),
    Column("about", lambda line: line.subject),
    Column("what", lambda line: tag("span", line.text, class_="words")),
]


def _leg(line: OrderLine) -> str:
    return f"{line.group_id}, {line.leg}{' exit' if line.is_exit else ''}"
