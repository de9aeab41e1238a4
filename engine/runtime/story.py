"""The story of one group or one order, from who asked for it to what it earned, in time order.

Built from the read model alone. ``engine explain`` prints it; ``--json`` writes it as it is.
"""

from __future__ import annotations

import msgspec

from engine.model.legs import Policy
from engine.model.scope import EVERYTHING, account_scope
from engine.runtime.readmodel import ReadModel
from engine.runtime.readmodel_schema import (
    AlertRow,
    AskedLegRow,
    CheckRow,
    FillRow,
    GroupRow,
    HaltRow,
    JudgementRow,
    KillRow,
    LegRow,
    MoveRow,
    OrderEventRow,
    OrderRow,
    PartRow,
    SessionRow,
)
from engine.runtime.story_outcome import (
    TROUBLE,
    Outcome,
    first_trouble,
    group_outcome,
    order_outcome,
)
from engine.runtime.story_words import (
    Labels,
    Words,
    alert_words,
    coded,
    fill_words,
    halt_words,
    judgement_words,
    kill_words,
    move_words,
    order_words,
    plan_words,
    sent_words,
)


class StoryLine(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. ``elapsed_ns`` counts from when the group was asked for.

    ``sequences`` are the journal records it tells of; ``who`` is the group, a leg or risk, ``what``
    the state it led to; ``level`` is info, good, warning or critical. ``checks`` are a judgement's.
    """

    sequences: tuple[int, ...]
    at: int
    elapsed_ns: int
    kseq: int
    who: str
    what: str
    text: str
    level: str
    client_id: str | None = None
    checks: tuple[CheckRow, ...] = ()


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known of a group, or of one order of it (``order`` is set then).

    ``legs`` are as planned; empty while the group was never judged, when ``asked_legs`` is all.
    ``labels`` names every order of the group the way ``StoryLine.who`` does. ``because`` is what
    first went wrong, empty when nothing did.
    """

    kind: str
    id: str
    session: SessionRow
    group: GroupRow
    policy: Policy
    accounts: dict[str, int]
    parts: tuple[PartRow, ...]
    asked_legs: tuple[AskedLegRow, ...]
    legs: tuple[LegRow, ...]
    orders: tuple[OrderRow, ...]
    order: OrderRow | None
    labels: dict[str, str]
    because: str
    lines: tuple[StoryLine, ...]
    outcome: Outcome


def tell_group(model: ReadModel, group_id: str) -> Story:
    """Return the whole story of a group. Raises ``FileError`` when there is none of that id."""
    return _Teller(model, group_id).story(None)


def tell_order(model: ReadModel, client_id: str) -> Story:
    """Return one order's own part of its group's story. Raises ``FileError`` for an unknown id."""
    order = model.order(client_id)
    return _Teller(model, order.group_id).story(order)


class _Teller:
    def __init__(self, model: ReadModel, group_id: str) -> None:
        self._model = model
        self._group = model.group(group_id)
        self._accounts: dict[str, int] = msgspec.json.decode(self._group.accounts)
        self._policy = msgspec.json.decode(self._group.policy, type=Policy)
        self._asked = model.rows(AskedLegRow, group_id=group_id)
        self._legs = model.rows(LegRow, group_id=group_id)
        self._parts = model.parts(group_id=group_id)
        self._orders = {o.client_id: o for o in model.orders(group_id=group_id)}
        self._labels = Labels(self._orders.values(), self._legs, self._accounts)

    def story(self, order: OrderRow | None) -> Story:
        """Tell of the whole group, or of one order."""
        lines = [
            *self._planned(),
            *self._judged(),
            *(line for each in self._told_orders(order) for line in self._order_lines(each)),
        ]
        if order is None:
            lines += [*self._moved(), *self._around(), *self._alerted(None)]
        else:
            lines += self._alerted(order)
            lines = [line for line in lines if self._concerns(line, order)]
        lines.sort(key=lambda line: line.sequences[0])
        model = self._model
        return Story(
            kind="group" if order is None else "order",
            id=self._group.group_id if order is None else order.client_id,
            session=model.session,
            group=self._group,
            policy=self._policy,
            accounts=self._accounts,
            parts=tuple(self._parts),
            asked_legs=tuple(self._asked),
            legs=tuple(self._legs),
            orders=tuple(self._told_orders(order)),
            order=order,
            labels=self._labels.by_client_id,
            because=self._because(order),
            lines=tuple(lines),
            outcome=(
                group_outcome(model, self._group, self._parts, self._policy)
                if order is None
                else order_outcome(model, order)
            ),
        )

    def _because(self, order: OrderRow | None) -> str:
        if order is not None:
            return coded(order.code, order.reason)
        if not any(part.state in TROUBLE for part in self._parts):
            return ""
        first = first_trouble(self._model.rows(MoveRow, group_id=self._group.group_id))
        return first.why if first is not None else ""

    def _told_orders(self, order: OrderRow | None) -> list[OrderRow]:
        return list(self._orders.values()) if order is None else [order]

    def _concerns(self, line: StoryLine, order: OrderRow) -> bool:
        if line.who != "risk":
            return True
        judged = self._judged_ids[line.sequences[0]]
        return order.client_id in judged or (not judged and not order.is_exit)

    # -- lines -----------------------------------------------------------------------------------

    def _planned(self) -> list[StoryLine]:
        group = self._group
        judged = self._model.judgements(group_id=group.group_id)
        waits = not judged or judged[0].at > group.created_at
        words = plan_words(group, self._asked, self._accounts, waits=waits)
        return [self._line((group.sequence,), group.created_at, group.kseq, words)]

    def _judged(self) -> list[StoryLine]:
        model = self._model
        self._judged_ids: dict[int, list[str]] = {}
        lines = []
        for row in model.judgements(group_id=self._group.group_id):
            checks = model.checks(row.sequence)
            ids: list[str] = msgspec.json.decode(row.client_ids)
            self._judged_ids[row.sequence] = ids
            words = judgement_words(row, ids, checks, self._labels)
            lines.append(self._line((row.sequence,), row.at, row.kseq, words, checks=tuple(checks)))
        return lines

    def _order_lines(self, order: OrderRow) -> list[StoryLine]:
        """One line an event; a fill is told with its update, a send with its release."""
        model = self._model
        fills = {(f.kseq, f.client_id): f for f in model.rows(FillRow, client_id=order.client_id)}
        events = model.rows(OrderEventRow, client_id=order.client_id)
        lines: list[StoryLine] = []
        who = self._labels.of(order.client_id)
        told: set[int] = set()
        for place, event in enumerate(events):
            if event.sequence in told:
                continue
            sent = _sent_at_once(event, events[place + 1 : place + 2])
            fill = fills.get((event.kseq, order.client_id))
            sequences: tuple[int, ...] = (event.sequence,)
            if event.trigger.startswith("SEEN_") and fill is not None:
                words = fill_words(who, event, fill, order)
                sequences = (event.sequence, fill.sequence)
            elif sent is not None:
                words = sent_words(who, event, order)
                sequences = (event.sequence, sent.sequence)
                told.add(sent.sequence)
            else:
                words = order_words(who, event, order, is_first=place == 0)
            lines.append(
                self._line(sequences, event.at, event.kseq, words, client_id=order.client_id)
            )
        return lines

    def _moved(self) -> list[StoryLine]:
        rows = self._model.rows(MoveRow, group_id=self._group.group_id)
        several = len(self._accounts) > 1
        return [
            self._line((row.sequence,), row.at, row.kseq, move_words(row, several=several))
            for row in rows
        ]

    def _around(self) -> list[StoryLine]:
        """What befell its strategy or everything while the group lived."""
        until = self._ended_at()
        strategy = self._group.strategy
        halts = [h for h in self._model.rows(HaltRow, strategy=strategy) if self._lives(h, until)]
        scopes = {EVERYTHING, strategy, *map(account_scope, self._accounts)}
        kills = [k for k in self._model.kills() if k.scope in scopes and self._lives(k, until)]
        return [
            *(self._line((h.sequence,), h.at, h.kseq, halt_words(h)) for h in halts),
            *(self._line((k.sequence,), k.at, k.kseq, kill_words(k)) for k in kills),
        ]

    def _alerted(self, order: OrderRow | None) -> list[StoryLine]:
        own = {order.client_id} if order is not None else {self._group.group_id, *self._orders}
        return [
            self._line((row.sequence,), row.at, row.kseq, alert_words(row))
            for row in self._model.alerts()
            if row.subject in own
        ]

    def _ended_at(self) -> int:
        """When the last part ended; the end of the session while one has not."""
        if all(part.state.is_terminal for part in self._parts):
            return max(part.moved_at for part in self._parts)
        return self._model.session.last_at

    def _lives(self, row: HaltRow | KillRow | AlertRow | JudgementRow, until: int) -> bool:
        return row.sequence > self._group.sequence and row.at <= until

    def _line(
        self,
        sequences: tuple[int, ...],
        at: int,
        kseq: int,
        words: Words,
        *,
        client_id: str | None = None,
        checks: tuple[CheckRow, ...] = (),
    ) -> StoryLine:
        return StoryLine(
            sequences=sequences,
            at=at,
            elapsed_ns=at - self._group.created_at,
            kseq=kseq,
            who=words.who,
            what=words.what,
            text=words.text,
            level=words.level,
            client_id=client_id,
            checks=checks,
        )


def _sent_at_once(event: OrderEventRow, following: list[OrderEventRow]) -> OrderEventRow | None:
    """Return the event that says the bytes left, where that was in the moment of the release."""
    if event.trigger != "SEND_START":
        return None
    return next((f for f in following if f.trigger == "SEND_WRITTEN" and f.at == event.at), None)
