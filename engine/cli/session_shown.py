"""What a session came to, on the screen: for ``status`` and for the end of a run."""

from __future__ import annotations

from engine.cli import show
from engine.cli.orders import reason
from engine.model.money import inr
from engine.rules.clock_time import clock_text
from engine.runtime.summary import NotableGroup, StrategySummary, Summary, explain_command

_CHARGE_COLUMNS = {
    "brokerage": "brokerage",
    "stt": "STT",
    "exchange": "exchange",
    "ipft": "IPFT",
    "sebi": "SEBI",
    "gst": "GST",
    "stamp": "stamp",
}


def write_summary(summary: Summary, session_argument: str | None = None) -> None:
    """Write all of it: what needs a person, profit, charges, what is open, what went wrong."""
    write_urgent(summary, session_argument)
    write_strategies(summary)
    write_charges(summary)
    write_open(summary)
    write_groups(summary)


def write_urgent(summary: Summary, session_argument: str | None = None) -> None:
    """Write what somebody has to look at."""
    style = show.LEVEL_STYLES["critical"]
    for kill in summary.kills:
        show.say(
            f"KILLED {kill.scope} ({kill.mode}) at {clock_text(kill.at)} by {kill.who}: {kill.why}",
            style,
        )
    for order in summary.unknown_orders:
        sent = f", sent at {clock_text(order.sent_at)}" if order.sent_at is not None else ""
        show.say(
            f"{order.state}: {order.side} {order.quantity} {order.symbol}{sent}: "
            f"{reason(order) or 'no answer came'}; "
            f"{explain_command(order.client_id, session_argument)}",
            style,
        )
    for group in summary.notable_groups:
        if group.needs_a_person:
            show.say(_group_text(group), style)
    for halt in summary.halts:
        show.say(f"HALTED {halt.strategy} at {clock_text(halt.at)}: {halt.why}", style)
    waiting = any(group.needs_a_person for group in summary.notable_groups)
    if summary.kills or summary.unknown_orders or waiting or summary.halts:
        show.say()


def write_strategies(summary: Summary) -> None:
    """Write a row per strategy, and the total where there are several."""
    columns = (
        "strategy", "state", "orders", "fills", "rejected", "refused", "gross", "charges", "net",
    )  # fmt: skip
    rows = [_strategy_cells(each) for each in summary.strategies]
    if len(rows) > 1:
        total = _strategy_cells(summary.total)
        rows.append([total[0], "", *total[2:]])
    show.table(columns, rows, right=frozenset(columns[2:]))
    if summary.total.in_doubt:
        orders = "order" if summary.total.in_doubt == 1 else "orders"
        show.say(f"not in these figures: {summary.total.in_doubt} {orders} of unknown outcome")
    if any(each.unrealised_inr is None for each in summary.strategies):
        show.say(f"{show.UNKNOWN}: something is open that has no last price")


def write_charges(summary: Summary) -> None:
    """Write what trading cost, by kind."""
    if summary.session.charges_unknown:
        show.say(f"charges are not known: {summary.session.charges_unknown}")
        return
    if summary.total.charges is None or not summary.total.charges.total:
        return
    several = len(summary.strategies) > 1
    show.say()
    rows: list[list[str | show.Cell]] = []
    for each in (*summary.strategies, summary.total) if several else summary.strategies:
        charges = each.charges
        if charges is None:
            continue
        kinds = (inr(getattr(charges, kind)) for kind in _CHARGE_COLUMNS)
        rows.append([each.strategy, *kinds, inr(charges.total)])
    columns = ("charges of", *_CHARGE_COLUMNS.values(), "total")
    show.table(columns, rows, right=frozenset(columns[1:]))


def write_open(summary: Summary) -> None:
    """Write what is still held, at its last price."""
    if not summary.open_positions:
        return
    show.say()
    show.say("still open, marked at the last price:", "bold")
    columns = ("strategy", "account", "instrument", "qty", "avg", "mark", "unrealised")
    rows: list[list[str | show.Cell]] = [
        [
            position.strategy,
            position.account,
            position.symbol,
            str(position.quantity),
            show.price(position.average_price),
            show.price(position.mark) or show.UNKNOWN,
            show.profit(position.unrealised_inr),
        ]
        for position in summary.open_positions
    ]
    show.table(columns, rows, right=frozenset(columns[3:]))


def write_groups(summary: Summary) -> None:
    """Write the groups that did not go by plan and wait for nobody, each with its explain line."""
    groups = [group for group in summary.notable_groups if not group.needs_a_person]
    if not groups:
        return
    show.say()
    show.say("did not go by plan:", "bold")
    for group in groups:
        show.say(_group_text(group), show.LEVEL_STYLES["warning"])
        show.say(f"  {group.command}")


def _strategy_cells(each: StrategySummary) -> list[str | show.Cell]:
    halted = show.Cell("halted", show.LEVEL_STYLES["critical"])
    return [
        each.strategy,
        "active" if each.halted_why is None else halted,
        str(each.orders),
        str(each.fills),
        str(each.rejections),
        str(each.refusals),
        show.profit(each.gross_inr),
        show.UNKNOWN if each.charges is None else inr(-each.charges.total),
        show.profit(each.net_inr),
    ]


def _group_text(group: NotableGroup) -> str:
    text = f"{group.state} {group.group_id} in {group.account} since {clock_text(group.at)}"
    return f"{text}: {group.why}" + (f"; {group.command}" if group.needs_a_person else "")
