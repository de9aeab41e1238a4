"""The page: one file that needs nothing else, and asks nobody for anything.

Styles, scripts and data stand in it. Its own policy (``Content-Security-Policy``) forbids every
request, and every script but the two whose hashes it names: text that came from outside cannot run
even if it were markup, and none is (``engine.report.html``).
"""

from __future__ import annotations

import base64
from hashlib import sha256
from importlib.resources import files
from typing import Final, NamedTuple

from engine.report import page_charts, page_feed, page_money, page_orders, show
from engine.report.block import data_block
from engine.report.day import DayReport
from engine.report.html import Html, join, pairs, tag
from engine.report.machine import Machine

GENERATOR: Final = "legwork day report"
"""What the page says made it, and how a report is told from any other file."""


class Around(NamedTuple):
    """What a reader wants to know that is no part of the compared data.

    ``name`` is the session's folder, ``configuration`` the text of its YAML (empty where there is
    none), without secrets; ``machine`` how the run went here, None where it was not kept.
    """

    name: str
    configuration: str
    machine: Machine | None


def render(report: DayReport, around: Around) -> str:
    """Return the page. ``report`` and ``around`` are without secrets (``engine.report.block``)."""
    scripts = (_asset("uplot.iife.min.js"), _asset("report.js"))
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src {hashes}; base-uri 'none'"
    facts = report.provenance
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="generator", content=GENERATOR),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{facts.trading_date} {facts.mode}: day report"),
        tag("style", Html(_asset("uplot.min.css") + _asset("report.css"))),
    )
    body = tag(
        "body",
        _header(report, around),
        tag("main", *_sections(report, around)),
        _footer(report),
        tag("script", Html(data_block(report).decode()), type="application/json", id="report"),
        *(tag("script", Html(script)) for script in scripts),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en-IN')}\n"


def _header(report: DayReport, around: Around) -> Html:
    facts, ending = report.provenance, report.ending
    source = tag("span", facts.label, class_="badge synthetic" if facts.is_synthetic else "badge")
    in_order = ending.closed_at is not None
    state = tag(
        "span",
        "ended in order" if in_order else "did not end in order",
        class_="badge" if in_order else "badge alarm",
    )
    until = f"{show.clock(ending.booted_at, 0)} to {show.clock(ending.last_at, 0)} IST"
    reason = f", {ending.reason}" if ending.reason else ""
    made_up = None
    if facts.is_synthetic:
        words = f"No exchange printed these prices: they were made by {facts.generator}"
        made_up = tag("p", f"{words}, seed {facts.seed}.", class_="made-up")
    return tag(
        "header",
        tag("p", source, " ", state, " ", tag("span", facts.mode, class_="badge"), class_="badges"),
        tag("h1", f"Day report, {facts.trading_date}"),
        tag("p", f"{around.name}: {facts.recording}, {until}{reason}", class_="muted"),
        made_up,
        page_money.tiles(report),
        _attention(report, around),
    )


def _attention(report: DayReport, around: Around) -> Html | None:
    """Return what somebody has to look at, with the command that tells more; None without any."""
    found: list[object] = [
        f"{line.level}: {line.subject}: {line.text}"
        for line in report.messages
        if line.level == "critical"
    ]
    explain = f"--session {around.name}"
    found += [
        join(
            (
                f"{group.state}: {group.why}; ",
                tag("code", f"engine explain {group.group_id} {explain}"),
            )
        )
        for group in report.groups
        if group.needs_a_person
    ]
    found += [
        join((f"{order.state}: {order.side} {order.quantity} {order.symbol}; ",
              tag("code", f"engine explain {order.client_id} {explain}")))
        for order in report.orders
        if order.state.is_unknown
    ]  # fmt: skip
    notes = list(report.notes)
    if not found and not notes:
        return None
    shown = found[:_ATTENTION_MAX]
    if len(found) > len(shown):
        shown.append(f"and {len(found) - len(shown)} more: see groups, orders and alerts")
    return tag(
        "section",
        tag("h2", "Look at this") if found else tag("h2", "Notes"),
        tag("ul", *(tag("li", each, class_="urgent") for each in shown),
            *(tag("li", note) for note in notes)),
        class_="attention urgent-box" if found else "attention",
    )  # fmt: skip


_ATTENTION_MAX: Final = 12


def _sections(report: DayReport, around: Around) -> list[Html]:
    made = (
        ("summary", "Summary", page_money.summary(report)),
        ("trades", "Trades", page_money.trade_statistics(report)),
        ("day", "The day", page_charts.charts(report)),
        ("positions", "Positions", page_money.positions(report)),
        ("groups", "Leg groups", page_orders.groups(report)),
        ("orders", "Orders and fills", page_orders.orders(report)),
        ("refusals", "Refusals", page_orders.refusals(report)),
        ("charges", "Charges", page_money.charges(report)),
        ("feed", "Feed and latency", page_feed.feed(report, around.machine)),
        ("alerts", "Alerts", page_orders.messages(report)),
        ("versions", "Configuration and versions", _versions(report, around)),
    )
    links = (tag("li", tag("a", title, href=f"#{name}")) for name, title, _ in made)
    contents = tag("nav", tag("ul", *links), class_="screen", aria_label="Contents")
    return [
        contents,
        *(tag("section", tag("h2", title), part, id=name) for name, title, part in made),
    ]


def _versions(report: DayReport, around: Around) -> Html:
    facts = report.provenance
    rows: list[tuple[str, object]] = [
        ("session", facts.session_id),
        ("journal, canonical", _code(facts.journal_sha256)),
        ("recording", join((facts.recording, " ", _code(facts.recording_sha256)))),
        ("cadence", f"every {facts.cadence_s:g} s" if facts.cadence_s else "tick by tick"),
        ("sources", ", ".join(facts.sources)),
        ("engine", join((facts.engine_version, " ", _code(facts.engine_sha256)))),
        ("rules of the market", facts.rules_version),
        ("configuration", _code(facts.configuration_sha256)),
    ]
    rows += [(f"strategy {name}", _code(found)) for name, found in facts.strategy_sha256.items()]
    text = around.configuration
    shown = tag("details", tag("summary", "The configuration it ran with"), tag("pre", text))
    return join((pairs(rows), shown if text else None))


def _footer(report: DayReport) -> Html:
    facts = report.provenance
    words = f"legwork {facts.engine_version}; prices: {facts.label}."
    without = tag("noscript", tag("p", "Charts need JavaScript; every figure is in the tables."))
    licence = tag(
        "details",
        tag("summary", "Charts by uPlot 1.6.32, MIT licence"),
        tag("pre", _asset("uplot-LICENSE")),
    )
    return tag("footer", tag("p", words), licence, without)


def _code(digest: str) -> Html:
    return tag("code", digest[:16] or show.NOT_KNOWN, title=digest)


def _asset(name: str) -> str:
    return (files("engine.report") / "assets" / name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(sha256(script.encode()).digest()).decode()
