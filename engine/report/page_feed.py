"""The page's section on the feed: its frames and silences, how long orders took, the machine."""

from __future__ import annotations

from collections.abc import Sequence

from engine.report import show
from engine.report.curves import Curves
from engine.report.day import DayReport
from engine.report.feed import FeedQuality, FeedSpan, Spread
from engine.report.html import Column, Html, join, pairs, table, tag
from engine.report.machine import Machine
from engine.report.page_charts import chart, told
from engine.rules.clock_time import NS_PER_S


def feed(report: DayReport, machine: Machine | None) -> Html:
    """Return how good the feed was, how long orders took, and how the machine kept up."""
    quality = report.feed
    spreads = list(report.latencies)
    parts: list[object] = []
    if quality is not None:
        spreads.append(quality.lag)
        parts.append(_quality(quality))
        if quality.spans:
            parts.append(table("When the feed was not fresh", _SPAN, quality.spans))
    parts.append(table("Latency, milliseconds of engine time", _SPREAD, spreads))
    if report.provenance.mode == "paper":
        note = "In a paper run the latency of orders is the one that was configured."
        parts.append(tag("p", note, class_="note"))
    if report.curves is not None:
        words = told(report.curves, _rates(report.curves), "frames a second", places=1)
        parts.append(tag("div", chart("frames", "Frames", "a second", words), class_="charts"))
    if machine is not None:
        note = "Wall time of the run itself; it belongs to no comparison of two runs."
        parts += (tag("h3", "This machine"), pairs(machine.facts()), tag("p", note, class_="note"))
    return join(parts)


def _quality(quality: FeedQuality) -> Html:
    silence = show.NOT_KNOWN
    if quality.longest_silence_s is not None:
        silence = (
            f"{show.duration(quality.longest_silence_s)} from "
            f"{show.clock(quality.longest_silence_at)}"
        )
    facts: list[tuple[str, object]] = [
        ("frames", f"{quality.frames:,}"),
        ("bad frames", f"{quality.bad_frames:,}"),
        ("frames without a tick", f"{quality.other_frames:,}"),
        ("first and last", f"{show.clock(quality.first_at)} to {show.clock(quality.last_at)}"),
        ("longest silence", silence),
        ("not fresh", f"{len(quality.spans)} times"),
    ]
    facts += [("bad frame", text) for text in quality.bad]
    return pairs(facts)


def _rates(curves: Curves) -> list[float | None]:
    """Return frames a second since the point before; before the first there is none."""
    spans = zip(curves.clock_s, curves.clock_s[1:], curves.frames[1:], strict=False)
    return [None, *(count / (until - since) for since, until, count in spans)]


_SPREAD: Sequence[Column[Spread]] = [
    Column("what", lambda line: line.what),
    Column("count", lambda line: f"{line.count:,}", is_figure=True),
    Column("least", lambda line: show.millis(line.least_ms), is_figure=True),
    Column("median", lambda line: show.millis(line.median_ms), is_figure=True),
    Column("95 % within", lambda line: show.millis(line.p95_ms), is_figure=True),
    Column("longest", lambda line: show.millis(line.longest_ms), is_figure=True),
]
_SPAN: Sequence[Column[FeedSpan]] = [
    Column("from", lambda line: show.clock(line.at)),
    Column("until", lambda line: show.clock(line.until)),
    Column("for", lambda line: show.duration((line.until - line.at) / NS_PER_S), is_figure=True),
    Column("feed", lambda line: line.source),
    Column("state", lambda line: line.state),
    Column("why", lambda line: line.why),
]
