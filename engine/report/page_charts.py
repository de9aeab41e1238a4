"""The page's charts of the day, each with its words.

A chart is drawn by ``assets/report.js`` from the data block; here stand its frame, its name and the
text that says what it shows to whoever does not see it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from engine.report import show
from engine.report.curves import Curves, PriceCurve
from engine.report.day import DayReport
from engine.report.html import Html, join, tag
from engine.rules.clock_time import NS_PER_S

_GREEKS: Final = (
    ("delta", "units of the underlying that move alike"),
    ("gamma", "delta a rupee of the underlying"),
    ("vega", "rupees a point of volatility"),
    ("theta", "rupees a calendar day"),
)
_TOLD_APART_MAX: Final = 6
"""Of more strategies than this, a chart's words would be too many; the table has the figures."""
_ZOOMS: Final = (
    ("in", "Zoom in", "+"),
    ("out", "Zoom out", "\u2212"),
    ("back", "Earlier", "\u25c0"),
    ("on", "Later", "\u25b6"),
    ("all", "Whole session", "All"),
)


def charts(report: DayReport) -> Html:
    """Return every chart of the day, on one axis of time."""
    curves = report.curves
    if curves is None:
        return tag("p", "There are no curves: see the notes above.")
    sampled = (
        f"Curves have a point every {curves.step_s} s, and nothing of between; fills stand where "
        "and when they happened, and the drawdown among the figures above is of every price. Drag "
        "to zoom, double-click to see all; the charts move together."
    )
    profits: Html | None = tag("p", "Nothing was traded: there is no profit to draw.")
    if report.fills:
        profits = tag("div", *_profits(curves), *_greeks(curves), class_="charts")
    prices = (
        chart(
            f"price-{place}",
            line.symbol,
            "last price and fills, rupees"
            if line.is_traded
            else "last price, rupees; fills of what is derived from it",
            f"{told(curves, line.last, 'price')} {_fills_told(report, line)}",
            has_fills=True,
        )
        for place, line in enumerate(curves.prices)
    )
    return join(
        (
            tag("p", sampled, class_="note screen"),
            tag("p", f"Curves have a point every {curves.step_s} s.", class_="note print"),
            _toolbar(),
            profits,
            tag("h3", "Prices and fills"),
            tag("div", *prices, class_="charts"),
        )
    )


def chart(name: str, title: str, unit: str, words: str, *, has_fills: bool = False) -> Html:
    """Return the frame of one chart; ``name`` is what the script knows it by."""
    label = f"Chart. {title}, {unit}. {words}"
    return tag(
        "figure",
        tag("figcaption", tag("strong", title), " ", tag("span", unit, class_="muted")),
        tag("div", data_chart=name, class_="plot", role="img", aria_label=label),
        tag("output", class_="pointed", aria_hidden="true") if has_fills else None,
        tag("p", words, class_="words-of-chart"),
    )


def told(curves: Curves, line: Sequence[float | None], name: str, places: int = 2) -> str:
    """Say in words what a curve does: where from, where to, how low, how high."""
    known = [(v, at) for v, at in zip(line, curves.clock_s, strict=True) if v is not None]
    if not known:
        return f"{name.capitalize()} is not known at any point."
    write = _writer(places)
    low, low_at = min(known)
    high, high_at = max(known, key=lambda each: each[0])
    text = (
        f"{name.capitalize()} from {write(known[0][0])} to {write(known[-1][0])}; lowest "
        f"{write(low)} at {_at(curves, low_at)}, highest {write(high)} at {_at(curves, high_at)}."
    )
    begun = next(place for place, value in enumerate(line) if value is not None)
    unknown = len(line) - begun - len(known)
    return text + (f" Then not known at {unknown} points." if unknown else "")


def _profits(curves: Curves) -> list[Html]:
    total, exposure = curves.total, curves.exposure
    lines = [("net", total.net_inr), ("gross", total.gross_inr)]
    words = " ".join(told(curves, line, name) for name, line in lines if line is not None)
    drawdown = told(curves, total.drawdown_inr, "drawdown")
    held = f"{told(curves, exposure.long_inr, 'long')} {told(curves, exposure.short_inr, 'short')}"
    return [
        chart("profit", "Profit and loss", "rupees", words),
        chart("drawdown", "Drawdown", "rupees below the high of net profit", drawdown),
        *_strategies(curves),
        chart("exposure", "Exposure", "market value of what is long and short, rupees", held),
    ]


def _strategies(curves: Curves) -> list[Html]:
    if len(curves.strategies) < 2:
        return []
    words = "The table by strategy has the figures."
    if len(curves.strategies) <= _TOLD_APART_MAX:
        lines = ((line.strategy, line.net_inr or line.gross_inr) for line in curves.strategies)
        words = " ".join(told(curves, line, name) for name, line in lines)
    return [chart("strategies", "Profit by strategy", "net, rupees", words)]


def _greeks(curves: Curves) -> list[Html]:
    return [
        chart(
            f"greek-{place}-{name}",
            f"{line.underlying}: {name}",
            unit,
            told(curves, getattr(line, name), name, places=4),
        )
        for place, line in enumerate(curves.greeks)
        for name, unit in _GREEKS
    ]


def _toolbar() -> Html:
    buttons = (
        tag("button", text, type="button", data_zoom=word, aria_label=label, title=label)
        for word, label, text in _ZOOMS
    )
    return tag(
        "div",
        tag("span", "Time", class_="muted"),
        *buttons,
        tag("output", class_="range"),
        class_="toolbar screen",
        role="toolbar",
        aria_label="Time shown in all charts",
    )


def _writer(places: int) -> Callable[[float], str]:
    if places == 2:
        return show.money
    return lambda value: f"{value:,.{places}f}"


def _at(curves: Curves, clock_s: float) -> str:
    return show.clock(curves.midnight_at + round(clock_s * NS_PER_S), 0)


def _fills_told(report: DayReport, price: PriceCurve) -> str:
    if price.is_traded:
        count = sum(1 for fill in report.fills if fill.instrument == price.instrument)
    else:
        count = sum(1 for fill in report.fills if fill.underlying == price.underlying)
    return f"{count:,} fills." if count != 1 else "1 fill."
