"""``engine explain ID``: the whole story of a group or an order, from raw frame to net profit."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from engine.cli import show
from engine.cli.output import JsonOption, write_json
from engine.cli.raw_frame import RawFrame, find_frame
from engine.cli.story_lines import write_lines_of
from engine.model.legs import Policy, Sequencing
from engine.model.money import inr
from engine.rules.clock_time import clock_text
from engine.runtime.readmodel import ReadModel
from engine.runtime.readmodel_schema import LegRow
from engine.runtime.sessions_on_disk import find_session
from engine.runtime.story import Story
from engine.runtime.story_find import tell
from engine.runtime.story_outcome import Outcome
from engine.runtime.summary import explain_command


def explain(
    asked: Annotated[
        str,
        typer.Argument(metavar="ID", help="A group's id, an order's tag or broker id, or a start."),
    ],
    session: show.SessionOption = None,
    *,
    checks: Annotated[
        bool,
        typer.Option("--checks", help="Every check of every judgement, also where none changed."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Tell the story of a group or an order.

    Who asked, each check, every answer, what it made.
    """
    folder = find_session(session)
    with ReadModel.open(folder) as model:
        story = tell(model, asked, folder.name)
    frame = find_frame(folder, story.session, story.group.frame)
    if as_json:
        write_json(_as_data(story, frame))
        return
    _write_head(story, frame, session, folder.name)
    show.say()
    write_lines_of(story, every_check=checks)
    show.say()
    _write_outcome(story)


def _as_data(story: Story, frame: RawFrame) -> dict[str, object]:
    data: dict[str, object] = {name: getattr(story, name) for name in story.__struct_fields__}
    outcome = story.outcome
    data["outcome"] = {
        **{name: getattr(outcome, name) for name in outcome.__struct_fields__},
        "gross_inr": outcome.gross_inr,
        "net_inr": outcome.net_inr,
    }
    data["group"] = {
        **msgspec.structs.asdict(story.group),
        "policy": story.policy,
        "accounts": story.accounts,
    }
    data["frame"] = frame
    return data


# -- the head ------------------------------------------------------------------------------------


def _write_head(story: Story, frame: RawFrame, session: str | None, name: str) -> None:
    group = story.group
    order = story.order
    if order is None:
        states = ", ".join(
            part.state if len(story.parts) == 1 else f"{part.state} in {part.account}"
            for part in story.parts
        )
        net = story.outcome.net_inr
        made = f"  net Rs {inr(net)}" if net is not None and story.outcome.traded else ""
        show.say(f"{group.group_id}  {states}{made}", "bold")
    else:
        show.say(f"{order.client_id}  {order.state}", "bold")
        label = story.labels[order.client_id]
        names = [f"our tag {order.client_id}"]
        if order.broker_id is not None:
            names.append(f"the broker's id {order.broker_id}")
        if order.exchange_id is not None:
            names.append(f"the exchange's number {order.exchange_id}")
        show.say(f"  {label} of {group.group_id} in {order.account}; {', '.join(names)}")
        show.say(f"  the whole group: {explain_command(group.group_id, session)}")
    if story.because:
        show.say(f"  because {story.because}")
    show.say(f"  {show.session_line(story.session, name)}")
    where = f", after frame {group.frame}" if group.frame is not None else ""
    show.say(
        f"  asked for by {group.hook} at {clock_text(group.created_at)} (event {group.kseq}{where})"
    )
    for line in frame.lines():
        show.say(f"  {line}")
    if order is None:
        show.say(f"  {_policy_text(story)}")
        show.say()
        _write_legs(story)


def _policy_text(story: Story) -> str:
    policy = story.policy
    has_hedge = any(leg.role == "hedge" for leg in story.legs)
    order_of = {
        Sequencing.HEDGE_FIRST: "hedges before what they cover" if has_hedge else "legs together",
        Sequencing.SEQUENTIAL: "legs one after another",
        Sequencing.PARALLEL: "legs together",
    }[policy.sequencing]
    deadline = "by the end" if policy.deadline_s is None else f"within {policy.deadline_s:g} s"
    return (
        f"{story.group.product}, {order_of}; on failure {policy.on_failure}"
        f"{_retries(policy)}; to be filled {deadline}"
    )


def _retries(policy: Policy) -> str:
    return f" ({policy.retries} more attempts)" if policy.on_failure == "retry" else ""


def _write_legs(story: Story) -> None:
    several = len(story.accounts) > 1
    columns = ["leg", "role", "side", "quantity", "instrument", "order"]
    if several:
        columns.insert(0, "account")
    rows: list[list[str]] = []
    for leg in story.legs:
        cells = [str(leg.number), leg.role, leg.side, str(leg.quantity), leg.symbol, _terms(leg)]
        rows.append([leg.account, *cells] if several else cells)
    if not rows:
        columns = ["leg", "side", "lots", "instrument"]
        rows = [[str(a.number), a.side, str(a.lots), a.symbol] for a in story.asked_legs]
    show.table(columns, rows, right={"leg", "quantity", "lots"}, indent=2)


def _terms(leg: LegRow) -> str:
    trigger = f"stop at {show.price(leg.trigger_price)}" if leg.trigger_price is not None else ""
    limit = f"limit {show.price(leg.limit_price)}" if leg.limit_price is not None else ""
    return ", ".join(part for part in (trigger, limit) if part) or "market, as a chased limit"


# -- the end -------------------------------------------------------------------------------------


def _write_outcome(story: Story) -> None:
    outcome = story.outcome
    unknown = [story.labels[o.client_id] for o in story.orders if o.state.is_unknown]
    if unknown:
        text = f"Not in these figures: {', '.join(unknown)}, whose outcome is not known."
        show.say(text, show.LEVEL_STYLES["critical"])
    if not outcome.traded:
        show.say("Nothing was traded: no profit, no loss, no charges.", "bold")
        return
    show.say("Result", "bold")
    several = len(story.accounts) > 1
    columns = ["leg", "side", "instrument", "in", "at", "out", "at ", "open", "cash"]
    rows: list[list[str | show.Cell]] = [
        [
            f"{leg.number} {leg.account}" if several else str(leg.number),
            leg.side,
            leg.symbol,
            str(leg.entered_quantity or ""),
            show.price(leg.entered_price),
            str(leg.left_quantity or ""),
            show.price(leg.left_price),
            str(leg.open_quantity) if story.order is None else "",
            show.profit(leg.cash_inr),
        ]
        for leg in outcome.traded
    ]
    show.table(columns, rows, right={"in", "at", "out", "at ", "open", "cash"}, indent=2)
    show.say()
    show.table(["", " ", "  "], _money_rows(story, outcome), right={" "}, indent=2, header=False)


def _money_rows(story: Story, outcome: Outcome) -> list[list[str | show.Cell]]:
    rows: list[list[str | show.Cell]] = []
    if story.order is None:
        open_units = any(leg.open_quantity for leg in outcome.traded)
        gross_note = "all of it realised"
        if open_units:
            gross_note = (
                f"realised {show.money(outcome.realised_inr)}, open at its last price "
                f"{show.money(outcome.unrealised_inr)}"
            )
            if outcome.unrealised_inr is None:
                gross_note = "what is open has no last price: the session did not close in order"
        rows.append(["gross", show.profit(outcome.gross_inr), gross_note])
    if outcome.charges is None:
        rows.append(["charges", show.UNKNOWN, outcome.charges_unknown])
    else:
        rows.append(["charges", inr(-outcome.charges.total), show.charges_text(outcome.charges)])
    if story.order is None:
        rows.append(["net", show.profit(outcome.net_inr), ""])
    if outcome.slippage_inr is not None:
        note = "fills beside the prices seen at decision, within gross"
        rows.append(["slippage", show.profit(-outcome.slippage_inr), note])
    if outcome.naked_ns is not None:
        rows.append(
            [
                "uncovered",
                f"{outcome.naked_ns / 1e9:.3f} s",
                f"a sold option without its hedge; at most {outcome.naked_limit_s:g} s are allowed",
            ]
        )
    return rows
