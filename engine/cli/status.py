"""``engine status``: what needs a person first, then the session, its strategies and its money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from engine.cli import session_shown, show
from engine.cli.doubts_shown import doubts_of
from engine.cli.output import JsonOption, write_json
from engine.model.order import Lifecycle
from engine.rules.clock_time import clock_text
from engine.runtime.readmodel import ReadModel
from engine.runtime.readmodel_schema import AlertRow, OrderRow
from engine.runtime.sessions_on_disk import find_session
from engine.runtime.summary import StrategySummary, Summary, summarise

_FEED_PREFIX = "feed "


def status(session: show.SessionOption = None, *, as_json: JsonOption = False) -> None:
    """Show where a session stands.

    Answers 0 whatever it finds: it reads, it judges nothing.
    """
    folder = find_session(session)
    with ReadModel.open(folder) as model:
        summary = summarise(model, session_argument=session)
        orders = model.orders()
        feeds = _feeds(model.alerts())
        doubts = doubts_of(model)
    if as_json:
        counts = {"orders": _count(orders), "feeds": _feed_data(feeds)}
        write_json(summary_data(summary) | counts | {"needs_a_person": doubts.data()})
        return
    facts = summary.session
    show.say(show.session_line(facts, folder.name), "bold")
    show.say(show.ended_line(facts))
    if facts.boots > 1:
        show.say(f"started {facts.boots} times")
    for alert in feeds:
        show.say(f"{alert.subject}: {alert.text} ({clock_text(alert.at)})")
    show.say(f"orders: {_counts_text(orders)}")
    for line in doubts.lines():
        show.say(line, "bold red")
    show.say()
    session_shown.write_summary(summary, session)


def summary_data(summary: Summary) -> dict[str, object]:
    """Return a summary for ``--json``, with the sums a person would otherwise do."""
    data: dict[str, object] = {name: getattr(summary, name) for name in summary.__struct_fields__}
    data["strategies"] = [_strategy_data(each) for each in summary.strategies]
    data["total"] = _strategy_data(summary.total)
    return data


def _strategy_data(each: StrategySummary) -> dict[str, object]:
    data = {name: getattr(each, name) for name in each.__struct_fields__}
    total = None if each.charges is None else each.charges.total
    return data | {
        "gross_inr": each.gross_inr,
        "charges_total_inr": total,
        "net_inr": each.net_inr,
    }


def _count(orders: Iterable[OrderRow]) -> dict[str, int]:
    """Count orders by state, those whose outcome is not known first."""
    counts = Counter(order.state for order in orders)
    places = list(Lifecycle)
    ordered = sorted(counts, key=lambda state: (not state.is_unknown, places.index(state)))
    return {state.value: counts[state] for state in ordered}


def _counts_text(orders: Iterable[OrderRow]) -> str:
    counts = _count(orders)
    return ", ".join(f"{count} {state}" for state, count in counts.items()) or "none"


def _feeds(alerts: Iterable[AlertRow]) -> list[AlertRow]:
    """Return the newest word on each feed; the kernel says it as an alert about its source."""
    newest: dict[str, AlertRow] = {}
    for alert in alerts:
        if alert.text.startswith(_FEED_PREFIX):
            newest[alert.subject] = alert
    return list(newest.values())


def _feed_data(feeds: Iterable[AlertRow]) -> dict[str, str]:
    return {alert.subject: alert.text for alert in feeds}
