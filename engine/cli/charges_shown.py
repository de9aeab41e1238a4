"""What trades cost, for a person: each rate with its source, the note, the break-even."""

from __future__ import annotations

from engine.cli import show
from engine.cli.charged import Charged, ChargedTrade
from engine.model.money import inr
from engine.model.order import Product
from engine.model.side import Side
from engine.rules.charges import KINDS, kind_name

_MEANING = {
    "M": "one good source, or not confirmed for this day",
    "L": "a weak source",
}


def write_charged(answer: Charged) -> None:
    """Write all of it."""
    day = f"on {answer.on.isoformat()}"
    if answer.on_is_today:
        day += " (today; --on takes another day)"
    show.say(f"{day}, {answer.product}, charged by the plan {answer.plan}")
    for trade in answer.trades:
        show.say()
        _write_trade(trade)
    if len(answer.trades) > 1:
        show.say()
        _write_together(answer)
    show.say()
    _write_notes(answer)
    _write_break_even(answer)
    _write_certainty(answer)


def _write_trade(trade: ChargedTrade) -> None:
    show.say(
        f"{trade.text} = Rs {inr(trade.value_inr)}, {trade.venue}, taxed as {trade.taxed_as}",
        "bold",
    )
    rows = [
        [
            kind_name(line.kind),
            inr(line.amount_inr, 4),
            f"{line.how} [{line.certainty}]" if line.certainty in _MEANING else line.how,
            "" if line.since is None else line.since.isoformat(),
            line.source,
        ]
        for line in trade.lines
    ]
    rows.append(["total", inr(trade.charges.total, 4), "", "", ""])
    show.table(("charge", "rupees", "how", "since", "source"), rows, right={"rupees"}, indent=2)
    for note in trade.notes:
        show.say(f"  note: {note}", show.LEVEL_STYLES["warning"])


def _write_together(answer: Charged) -> None:
    show.say("together", "bold")
    rows = [
        [kind_name(kind), inr(amount, 4)]
        for kind in KINDS
        if (amount := getattr(answer.charges, kind))
    ]
    rows.append(["total", inr(answer.total_inr, 4)])
    if answer.gross_inr is not None and answer.net_inr is not None:
        rows += [["gross", inr(answer.gross_inr, 4)], ["net", inr(answer.net_inr, 4)]]
    show.table(("charge", "rupees"), rows, right={"rupees"}, indent=2)


def _write_notes(answer: Charged) -> None:
    for note in answer.notes:
        name = "the day's commodity note" if note.is_commodity else "the day's note"
        tax = "CTT" if note.is_commodity else "STT"
        show.say(
            f"{name} shows Rs {inr(note.total)}: {tax} to the rupee, the rest to the paisa "
            f"({show.charges_text(note.charges)})"
        )


def _write_break_even(answer: Charged) -> None:
    found = answer.break_even
    if found is None:
        if answer.gross_inr is None:
            show.say(f"no break-even: {answer.no_break_even}")
        return
    how, way = ("sold", "or higher") if found.side is Side.SELL else ("bought back", "or lower")
    grid = "no tick is known, so on none; --tick takes one"
    if answer.tick_inr is not None:
        grid = f"on ticks of {show.price(answer.tick_inr)}"
    when = "on another day, " if answer.product is Product.DELIVERY else ""
    move = "above" if found.price > found.average else "below"
    show.say(
        f"break-even {show.price(found.price)} ({grid}; exactly {show.price(found.exact)}): "
        f"{found.quantity} units {when}{how} there {way} lose nothing",
        "bold",
    )
    each = (answer.charges.total + found.closing.total) / found.quantity
    before = " with what was closed before," if len(answer.trades) > 1 else ""
    show.say(
        f" {before} {show.price(abs(found.price - found.average))} points {move} "
        f"{show.price(found.average)}; all charges Rs {inr(each, 4)} a unit, closing there "
        f"Rs {inr(found.closing.total)}, left Rs {inr(found.net_inr)}"
    )


def _write_certainty(answer: Charged) -> None:
    used = {line.certainty for trade in answer.trades for line in trade.lines}
    for mark, meaning in _MEANING.items():
        if mark in used:
            show.say(f"[{mark}] {meaning}: check it with a note of your broker's")
