"""The broker's side and the truth: accepts orders, fills them, keeps books. Knows no engine.

Everything in here is written from the rules and not from the engine, and imports nothing of it, so
that it can be asked what really happened. It speaks JSON over a made-up REST and a stream.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

TICK_PAISE = 5
HISTORY = 3
"""So many orders of an account are several."""
WORKING = ("PENDING", "OPEN")


@dataclass
class Row:
    """One order at the broker, as it is: prices in paise.

    ``terms``: every price and quantity that it ever had.
    """

    order_id: str
    account: str
    tag: str | None
    key: str
    side: str
    quantity: int
    price: int
    product: str
    placed_ns: int
    status: str = "PENDING"
    filled: int = 0
    value: int = 0
    version: int = 0
    reason: str = ""
    late: bool = False
    terms: set[tuple[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        self.terms = {(self.price, self.quantity)}

    @property
    def sign(self) -> int:
        return 1 if self.side == "BUY" else -1


@dataclass
class Trade:
    """One fill, as it happened."""

    account: str
    order_id: str
    fill_id: str
    key: str
    sign: int
    quantity: int
    price: int
    at_ns: int


@dataclass
class Market:
    """Prices in paise that walk by the seed's dice, and stand still when it is closed."""

    dice: Random
    prices: dict[str, int]
    is_open: bool = True

    def step(self) -> list[str]:
        """Move some prices; return whose."""
        moved: list[str] = []
        if not self.is_open:
            return moved
        for key in self.prices:
            if self.dice.random() < 0.5:
                step = self.dice.choice((-4, -3, -2, -1, 1, 2, 3, 4)) * TICK_PAISE
                self.prices[key] = max(20 * TICK_PAISE, self.prices[key] + step)
                moved.append(key)
        return moved

    def bid(self, key: str) -> int:
        return self.prices[key] - TICK_PAISE

    def ask(self, key: str) -> int:
        return self.prices[key] + TICK_PAISE


@dataclass
class Broker:
    """Order entry, books and a stream for some accounts. ``now_ns`` is its own clock."""

    name: str
    dice: Random
    market: Market
    lots: dict[str, int]
    now_ns: Callable[[], int]
    echoes_tag: bool
    legs_max: int = 1
    reject_share: float = 0.03
    rows: dict[str, Row] = field(default_factory=dict)
    by_tag: dict[str, Row] = field(default_factory=dict)
    working: dict[str, dict[str, Row]] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    tell: Callable[[dict[str, Any]], None] = lambda _: None
    on_placed: Callable[[str], None] = lambda _: None
    requests: list[tuple[int, str, str, Any]] = field(default_factory=list)
    improper: list[str] = field(default_factory=list)

    # -- what a request does ---------------------------------------------------------------------

    def handle(
        self, method: str, path: str, body: bytes, *, late: bool = False, fates: Sequence[str] = ()
    ) -> tuple[int, str]:
        """Carry out one request; return the status and text of the reply.

        ``fates`` are those of the legs of a basket (``_place_all``).
        """
        asked = msgspec.json.decode(body) if body else None
        self.requests.append((self.now_ns(), method, path, asked))
        parts = path.strip("/").split("/")
        if method == "POST" and parts[0] == "baskets":
            return 200, _json({"status": True, "data": self._place_all(asked, fates, late=late)})
        if method == "POST":
            return 200, _json({"status": True, "data": self._place(asked, late=late)})
        if method == "GET":
            return 200, _json({"status": True, "data": self._book(parts[0], parts[1])})
        row = self.rows.get(parts[1])
        if row is None:
            return 200, _json({"status": False, "code": "E404", "message": "no such order"})
        return 200, _json(self._change(method, row, asked))

    def _place_all(
        self, asked: dict[str, Any], fates: Sequence[str], *, late: bool
    ) -> dict[str, list[dict[str, Any]]]:
        """Place the legs of one request, each for itself: it is one request and nothing more.

        A leg's fate: ``fail``, it is refused; ``skip``, it is lost and not spoken of; ``hide``, it is
        placed and not spoken of. The reply names a leg by what it looks like, never by a tag.
        """
        legs = asked["legs"]
        looks = [(leg["instrument"], leg["side"]) for leg in legs]
        if not 2 <= len(legs) <= self.legs_max or (
            not self.echoes_tag and len(set(looks)) < len(looks)
        ):
            self.improper.append(f"{asked['account']}: a request for {looks}")
        said: dict[str, list[dict[str, Any]]] = {"placed": [], "failed": []}
        for leg, fate in zip(legs, fates or [""] * len(legs), strict=True):
            if fate == "skip":
                continue
            shown = {name: leg[name] for name in ("instrument", "side", "quantity", "price")}
            done = (
                {}
                if fate == "fail"
                else self._place(
                    {**leg, "account": asked["account"], "product": asked["product"]}, late=late
                )
            )
            if fate == "hide":
                continue
            if "order_id" in done:
                said["placed"].append({**shown, "order_id": done["order_id"]})
            else:
                said["failed"].append(shown)
        return said

    def _place(self, asked: dict[str, Any], *, late: bool) -> dict[str, Any]:
        quantity, price = int(asked["quantity"]), _paise(asked["price"])
        wrong = ""
        if quantity <= 0 or quantity % self.lots[asked["instrument"]]:
            wrong = "E101"
        elif price <= 0 or price % TICK_PAISE:
            wrong = "E102"
        if wrong:
            return {"tag": asked["tag"], "error": wrong, "message": "validation failed"}
        row = Row(
            order_id=f"{self.name}{len(self.rows) + 1:05}",
            account=asked["account"],
            tag=asked["tag"],
            key=asked["instrument"],
            side=asked["side"],
            quantity=quantity,
            price=price,
            product=asked["product"],
            placed_ns=self.now_ns(),
            late=late,
        )
        self.rows[row.order_id] = row
        self.by_tag[asked["tag"]] = row
        self.on_placed(asked["tag"])
        if self.dice.random() < self.reject_share:
            row.reason = "RMS: margin exceeds"
            self._move(row, "REJECTED")
        else:
            self._move(row, "OPEN" if self.dice.random() < 0.8 else "PENDING")
            self._match(row)
        return {"tag": asked["tag"], "order_id": row.order_id}

    def _change(self, method: str, row: Row, asked: Any) -> dict[str, Any]:
        if row.status not in WORKING:
            refusal = {"order_id": row.order_id, "error": "E201"}
            return {"status": False, "data": refusal, "message": f"order is {row.status}"}
        if method == "DELETE":
            self._move(row, "CANCELLED")
            return {"status": True, "data": {"order_id": row.order_id}}
        price, quantity = _paise(asked["price"]), int(asked["quantity"])
        if price % TICK_PAISE or quantity < row.filled:
            refusal = {"order_id": row.order_id, "error": "E102"}
            return {"status": False, "data": refusal, "message": "validation failed"}
        row.price, row.quantity = price, quantity
        row.terms.add((price, quantity))
        self._move(row, "OPEN")
        self._match(row)
        return {"status": True, "data": {"order_id": row.order_id}}

    def _book(self, what: str, account: str) -> list[dict[str, Any]]:
        if what == "orders":
            return [self.shown(row) for row in self.rows.values() if row.account == account]
        if what == "trades":
            return [
                {
                    "order_id": t.order_id,
                    "fill_id": t.fill_id,
                    "quantity": t.quantity,
                    "price": _rupees(t.price),
                }
                for t in self.trades
                if t.account == account
            ]
        return [
            {"instrument": key, "product": product, "quantity": quantity}
            for (owner, key, product), quantity in self.held().items()
            if owner == account
        ]

    # -- what happens by itself ------------------------------------------------------------------

    def move(self, key: str) -> None:
        """Match what works in an instrument after its price moved."""
        for row in list(self.working.get(key, {}).values()):
            if row.status == "PENDING":
                self._move(row, "OPEN")
            self._match(row)

    def meddle(self, account: str, key: str) -> str:
        """Let somebody place, from the broker's own app, an order of the account.

        Where no tag is echoed it is of a quantity that no strategy asks for: two orders alike in
        everything cannot be told apart by anybody (docs/reliability.md, what is assumed).
        """
        quantity = self.lots[key] * (1 if self.echoes_tag else 7)
        side = self.dice.choice(("BUY", "SELL"))
        touch = self.market.ask(key) if side == "BUY" else self.market.bid(key)
        row = Row(
            order_id=f"{self.name}{len(self.rows) + 1:05}",
            account=account,
            tag=None,
            key=key,
            side=side,
            quantity=quantity,
            price=touch,
            product="intraday",
            placed_ns=self.now_ns(),
        )
        self.rows[row.order_id] = row
        self._move(row, "OPEN")
        self._match(row)
        return row.order_id

    def reject_late(self, order_id: str) -> None:
        """Reject an order that stood, as if somebody had looked at it only now."""
        row = self.rows[order_id]
        if row.status in WORKING and not row.filled:
            row.reason = "RMS: rejected after it was open"
            self._move(row, "REJECTED")

    def cancel_one(self) -> str | None:
        """Let somebody cancel, from the broker's own app, one working order of ours."""
        working = [row for row in self.rows.values() if row.status == "OPEN" and row.tag]
        if not working:
            return None
        row = self.dice.choice(working)
        self._move(row, "CANCELLED")
        return row.order_id

    def _match(self, row: Row) -> None:
        if row.status != "OPEN":
            return
        touch = self.market.ask(row.key) if row.sign > 0 else self.market.bid(row.key)
        if (row.price - touch) * row.sign < 0:
            return
        lot = self.lots[row.key]
        rest = (row.quantity - row.filled) // lot
        if rest <= 0:
            return
        lots = rest if self.dice.random() < 0.7 else self.dice.randint(1, rest)
        self._fill(row, lots * lot, touch)

    def _fill(self, row: Row, quantity: int, price: int) -> None:
        row.filled += quantity
        row.value += quantity * price
        self.trades.append(
            Trade(
                row.account,
                row.order_id,
                f"F{len(self.trades) + 1}",
                row.key,
                row.sign,
                quantity,
                price,
                self.now_ns(),
            )
        )
        self._move(row, "COMPLETE" if row.filled >= row.quantity else "OPEN")

    def _move(self, row: Row, status: str) -> None:
        row.status = status
        row.version += 1
        working = self.working.setdefault(row.key, {})
        if status in WORKING:
            working[row.order_id] = row
        else:
            working.pop(row.order_id, None)
        self.tell(self.shown(row))

    def shown(self, row: Row) -> dict[str, Any]:
        """Return an order as the broker shows it, in its books and in its stream."""
        return {
            "account": row.account,
            "order_id": row.order_id,
            "tag": row.tag if self.echoes_tag else None,
            "instrument": row.key,
            "side": row.side,
            "quantity": row.quantity,
            "price": _rupees(row.price),
            "product": row.product,
            "status": row.status,
            "filled": row.filled,
            "average": _rupees_exact(row.value, row.filled),
            "version": row.version,
            "placed_ns": row.placed_ns,
            "reason": row.reason,
        }

    # -- the truth -------------------------------------------------------------------------------

    def has_history(self, account: str, age_s: float) -> bool:
        """Say whether several tagged orders of an account have stood in its book for so long."""
        before = self.now_ns() - age_s * 1e9
        mine = (row for row in self.by_tag.values() if row.account == account)
        return sum(row.placed_ns < before for row in mine) >= HISTORY

    def held(self) -> dict[tuple[str, str, str], int]:
        """Return what every account really holds: net units by account, instrument, product."""
        units: dict[tuple[str, str, str], int] = {}
        for trade in self.trades:
            product = self.rows[trade.order_id].product
            key = trade.account, trade.key, product
            units[key] = units.get(key, 0) + trade.sign * trade.quantity
        return units


def _json(said: Any) -> str:
    return msgspec.json.encode(said).decode()


def _paise(rupees: str) -> int:
    whole, _, part = rupees.partition(".")
    return int(whole) * 100 + int((part + "00")[:2])


def _rupees(paise: int) -> str:
    return f"{paise // 100}.{paise % 100:02}"


def _rupees_exact(value: int, quantity: int) -> str:
    """Return value over quantity in rupees, to eight places."""
    if not quantity:
        return "0"
    eighths = value * 10**6 // quantity
    return f"{eighths // 10**8}.{eighths % 10**8:08}"
