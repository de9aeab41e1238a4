"""What a session came to, on the screen: for ``status`` and for the end of a run."""

from __future__ import annotations

from engine.cli import show
from engine.cli.orders import reason
from engine.model.money import inr
from engine.rules.charges import KINDS, DayNote, kind_name
from engine.rules.clock_time import clock_text
from engine.runtime.summary import NotableGroup, StrategySummary, Summary, explain_command

_RARE_CHARGES = ("dp", "square_off")
"""Kinds of charges that are shown where there are any."""


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
    total = summary.total.charges
    kinds = [kind for kind in KINDS if kind not in _RARE_CHARGES or getattr(total, kind)]
    charged = [(each.strategy, each.charges) for each in summary.strategies]
    if several:
        charged.append(("total", total))
    noted = [(_note_name(note, summary), note.charges) for note in summary.notes]
    rows = [
        [name, *(inr(getattr(charges, kind)) for kind in kinds), inr(charges.total)]
        for name, charges in (*charged, *noted)
        if charges is not None
    ]
    columns = ("charges of", *(kind_name(kind) for kind in kinds), "total")
    show.table(columns, rows, right=frozenset(columns[1:]))
    show.say(
        f"charged by {summary.session.charged_by}; the day's note rounds STT to the rupee and the "
        "rest to the paisa, the rows above it are not rounded"
    )


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


def _note_name(note: DayNote, summary: Summary) -> str:
    """Return what a note is called: by its account where there are several."""
    kind = "the day's commodity note" if note.is_commodity else "the day's note"
    several = len({each.account for each in summary.notes}) > 1
    return f"{kind}, {note.account}" if several else kind


def _group_text(group: NotableGroup) -> str:
    text = f"{group.state} {group.group_id} in {group.account} since {clock_text(group.at)}"
    return f"{text}: {group.why}" + (f"; {group.command}" if group.needs_a_person else "")
