"""The page's tables of money: who earned what, in which trades, at what cost, what is open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from engine.model.money import paise
from engine.report import show
from engine.report.day import (
    TOTAL,
    AccountLine,
    DayReport,
    NoteLine,
    PositionLine,
    ProfitLine,
    Statistics,
    StrategyLine,
)
from engine.report.html import Column, Html, join, pairs, table, tag
from engine.rules.charges import kind_name


def tiles(report: DayReport) -> Html:
    """Return the figures that are read first."""
    total, every = report.total, report.statistics[-1]
    drawdown = None if every.drawdown is None else every.drawdown.fall_inr
    won = "" if every.win_rate_pct is None else f"{every.wins:,} won, {every.losses:,} lost"
    still = sum(1 for line in report.positions if line.quantity)
    facts = (
        ("net", show.profit(total.net_inr), "gross less charges"),
        ("gross", show.profit(total.gross_inr), f"{still:,} open" if still else "all realised"),
        ("charges", show.cost(total.charges_inr), _of_turnover(every)),
        (
            "largest drawdown",
            show.NOT_KNOWN if drawdown is None else show.money(-drawdown),
            f"lowest at {_lowest(every)}" if drawdown else "",
        ),
        ("trades", f"{every.trades:,}", won),
        (
            "orders",
            f"{total.orders:,}",
            f"{total.rejections:,} rejected, {total.refusals:,} refused",
        ),
    )
    made = ((name, join((value, tag("small", more)))) for name, value, more in facts)
    return tag("div", pairs(made), class_="tiles")


def summary(report: DayReport) -> Html:
    """Return profit by strategy and by account."""
    several = len(report.strategies) > 1
    return join(
        (
            table(
                "By strategy, rupees",
                _STRATEGY,
                report.strategies,
                foot=(report.total,) if several else (),
            ),
            table("By account, rupees", _ACCOUNT, report.accounts)
            if report.accounts
            else tag("p", "Nothing was traded."),
            _unknowns(report),
        )
    )


def trade_statistics(report: DayReport) -> Html:
    """Return the statistics: a row a measure, a column a strategy."""
    every = report.statistics if len(report.statistics) > 2 else report.statistics[:1]
    columns: list[Column[tuple[str, _Measure]]] = [Column("measure", lambda row: row[0])]
    columns += [Column(each.strategy, _of(each), is_figure=True) for each in every]
    note = tag(
        "p",
        "A trade is a group's round trip: it has traded and is flat again. Net of charges. "
        f"{show.NOT_KNOWN} is what is not defined or not known.",
        class_="note",
    )
    until = report.ending.last_at
    rows = [*_MEASURES, ("drawdown lasted", lambda each: _lasted(each, until))]
    return join((table("Trades", columns, rows), note))


def positions(report: DayReport) -> Html:
    """Return what was held, what is open first and said so."""
    if not report.positions:
        return tag("p", "Nothing was held.")
    still = sum(1 for line in report.positions if line.quantity)
    text = (
        f"{still} still open at the end, marked at the last price."
        if still
        else "Everything is flat."
    )
    return join((tag("p", text), table("Positions, rupees", _POSITION, report.positions)))


def charges(report: DayReport) -> Html:
    """Return what trading cost by kind, and what the day's contract notes make of it."""
    known = [line for line in report.charges if line.kinds is not None]
    if not known:
        return tag("p", "Charges are not known.")
    if not report.contract_notes and not report.total.charges_inr:
        return tag("p", "Nothing was charged.")
    rows: list[_Charged] = [(line.strategy, line.kinds, line.total_inr) for line in report.charges]
    notes: list[_Charged] = [
        (_note_name(note), note.kinds, note.total_inr) for note in report.contract_notes
    ]
    # A kind that nobody bears that day is left out here; the data has it.
    kinds = [
        kind
        for kind in known[0].kinds or ()
        if any(paise(each[kind]) for _, each, _ in rows + notes if each is not None)
    ]
    columns: list[Column[_Charged]] = [Column("of", lambda row: row[0])]
    columns += [Column(kind_name(kind), _kind(kind), is_figure=True) for kind in kinds]
    columns.append(Column("total", lambda row: show.money(row[2]), is_figure=True))
    several = len(rows) > 2
    made = [
        table(
            "Charges by kind, rupees",
            columns,
            rows[:-1],
            foot=rows[-1:] if several else (),
        )
    ]
    if notes:
        made.append(table("The day's contract notes, rounded as they are", columns, notes))
    return join(made)


_Charged = tuple[str, Mapping[str, Decimal] | None, Decimal | None]
_Measure = Callable[[Statistics], object]


def _of(each: Statistics) -> Callable[[tuple[str, _Measure]], object]:
    return lambda row: row[1](each)


def _kind(kind: str) -> Callable[[_Charged], str]:
    return lambda row: show.money(None if row[1] is None else row[1][kind])


def _note_name(note: NoteLine) -> str:
    return f"{note.account}, commodities" if note.is_commodity else note.account


def _of_turnover(each: Statistics) -> str:
    share = each.charges_pct_of_turnover
    return "" if share is None else f"{show.percent(share)} of turnover"


def _lasted(each: Statistics, until: int) -> str:
    drawdown = each.drawdown
    if drawdown is None or drawdown.high_at is None:
        return show.NOT_KNOWN
    return show.duration(drawdown.lasted_s(until))


def _won(each: Statistics) -> str:
    # Where a trade's net is not known nobody can say whether it won.
    if each.trades and each.win_rate_pct is None:
        return show.NOT_KNOWN
    return f"{each.wins:,} / {each.losses:,}"


def _fall(each: Statistics) -> str:
    return show.NOT_KNOWN if each.drawdown is None else show.money(-each.drawdown.fall_inr)


def _lowest(each: Statistics) -> str:
    return show.clock(None if each.drawdown is None else each.drawdown.low_at, 0)


def _recovered(each: Statistics) -> str:
    drawdown = each.drawdown
    if drawdown is None or drawdown.high_at is None:
        return show.NOT_KNOWN
    return "never" if drawdown.recovered_at is None else show.clock(drawdown.recovered_at, 0)


def _state(line: StrategyLine) -> Html | str:
    if line.halted_why is None:
        return "" if line.strategy == TOTAL else "active"
    return tag("span", "halted", class_="loss", title=line.halted_why)


def _holding(line: PositionLine) -> Html:
    text = f"{line.quantity:+,}" if line.quantity else "flat"
    return tag("strong", text) if line.quantity else tag("span", text, class_="muted")


def _unknowns(report: DayReport) -> Html | None:
    if not report.total.in_doubt:
        return None
    orders = "order" if report.total.in_doubt == 1 else "orders"
    return tag(
        "p", f"Not in these figures: {report.total.in_doubt} {orders} of unknown outcome.",
        class_="loss",
    )  # fmt: skip


def _profit_columns() -> list[Column[ProfitLine]]:
    # Net first: it is what a narrow screen has room for.
    return [
        Column("net", lambda line: show.profit(line.net_inr), is_figure=True),
        Column("gross", lambda line: show.profit(line.gross_inr), is_figure=True),
        Column("charges", lambda line: show.cost(line.charges_inr), is_figure=True),
        Column("realised", lambda line: show.profit(line.realised_inr), is_figure=True),
        Column("unrealised", lambda line: show.profit(line.unrealised_inr), is_figure=True),
    ]


_STRATEGY: Sequence[Column[StrategyLine]] = [
    Column("strategy", lambda line: line.strategy),
    *_profit_columns(),
    Column("orders", lambda line: f"{line.orders:,}", is_figure=True),
    Column("fills", lambda line: f"{line.fills:,}", is_figure=True),
    Column("rejected", lambda line: f"{line.rejections:,}", is_figure=True),
    Column("refused", lambda line: f"{line.refusals:,}", is_figure=True),
    Column("in doubt", lambda line: f"{line.in_doubt:,}", is_figure=True),
    Column("state", _state),
]
_ACCOUNT: Sequence[Column[AccountLine]] = [
    Column("account", lambda line: line.account),
    Column("strategy", lambda line: line.strategy),
    *_profit_columns(),
]
_POSITION: Sequence[Column[PositionLine]] = [
    Column("instrument", lambda line: line.symbol),
    Column("holds", _holding, is_figure=True),
    Column("average", lambda line: show.price(line.average_price), is_figure=True),
    Column("mark", lambda line: show.price(line.mark if line.quantity else None), is_figure=True),
    *_profit_columns(),
    Column("bought", lambda line: f"{line.bought_quantity:,}", is_figure=True),
    Column("sold", lambda line: f"{line.sold_quantity:,}", is_figure=True),
    Column("strategy", lambda line: line.strategy),
    Column("account", lambda line: line.account),
    Column("product", lambda line: line.product),
]
_MEASURES: Sequence[tuple[str, _Measure]] = (
    ("trades", lambda s: f"{s.trades:,}"),
    ("won / lost", _won),
    ("win rate", lambda s: show.percent(s.win_rate_pct)),
    ("expectancy a trade", lambda s: show.profit(s.expectancy_inr)),
    ("profit factor", lambda s: show.ratio(s.profit_factor)),
    ("average win", lambda s: show.profit(s.average_win_inr)),
    ("average loss", lambda s: show.profit(s.average_loss_inr)),
    ("best", lambda s: show.profit(s.best_inr)),
    ("worst", lambda s: show.profit(s.worst_inr)),
    ("average time held", lambda s: show.duration(s.average_held_s)),
    ("turnover", lambda s: show.money(s.turnover_inr)),
    ("slippage, within gross", lambda s: show.cost(s.slippage_inr)),
    ("charges, share of gross profit", lambda s: show.percent(s.charges_pct_of_gross)),
    ("charges, share of turnover", lambda s: show.percent(s.charges_pct_of_turnover)),
    ("largest drawdown", _fall),
    ("lowest at", _lowest),
    ("back at its high at", _recovered),
)
