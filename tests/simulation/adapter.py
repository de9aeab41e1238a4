"""The engine's end of the made-up broker: an ``Execution`` and its order stream, over the seam.

What a real adapter is, at the size of this one: a codec, a list of codes that refuse, a table of
status words, and nothing that is ever sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from random import Random
from types import MappingProxyType
from typing import Any

import msgspec

from brokers.transport.backoff import Backoff
from brokers.transport.http import HttpClient, HttpReply, HttpRequest
from brokers.transport.web_socket import Connector, SocketClosed
from engine.errors import NotSent, OutcomeUnknown, WireError
from engine.model.approval import Approved
from engine.model.catalogue import Catalogue
from engine.model.command import Batch, Replacement
from engine.model.event import Event, OrderStreamChanged, OrderUpdated, ReplyOutcome
from engine.model.order import Order, OrderType, Product
from engine.model.order_update import OrderUpdate, RemoteStatus
from engine.model.side import Side
from engine.model.snapshot import PositionRow, Snapshot, TradeRow
from engine.model.wire_order import WireOrder
from engine.ports import Answer, Capabilities, Clock, Outgoing

CANARY = "canary-7f3a-token"
"""A token that must never be seen anywhere but in a request."""
HOST = "http://broker.test/"
REFUSES = frozenset({"E101", "E102", "E201", "E404"})
"""Codes that prove nothing was done. Whatever else comes proves nothing at all."""
STATUS = {
    "pending": RemoteStatus.PENDING,
    "open": RemoteStatus.OPEN,
    "complete": RemoteStatus.FILLED,
    "cancelled": RemoteStatus.CANCELLED,
    "rejected": RemoteStatus.REJECTED,
}
READS_MAX = 5
LOOK = ("instrument", "side", "quantity", "price")
"""What the reply to a basket tells its legs apart by."""


class Request(msgspec.Struct, frozen=True):
    """A request ready to leave; ``account`` and ``kind`` are not on the wire."""

    http: HttpRequest

    @property
    def body(self) -> bytes:
        return self.http.body


class SimExecution:
    """Order entry and books of one broker's accounts."""

    headers: Mapping[str, str] = MappingProxyType({"Authorization": f"Bearer {CANARY}"})

    def __init__(
        self,
        http: HttpClient,
        catalogue: Catalogue,
        clock: Clock,
        *,
        echoes_tag: bool,
        source: str,
        host: str = HOST,
        max_legs: int = 1,
    ) -> None:
        self._host = host
        self._http = http
        self._catalogue = catalogue
        self._clock = clock
        self._source = source
        self.capabilities = Capabilities(max_legs, echoes_tag=echoes_tag, has_order_stream=True)

    # -- requests --------------------------------------------------------------------------------

    def placement(self, approved: Approved[Batch]) -> Outgoing:
        requests = approved.item.requests
        common = {
            "account": requests[0].key.account,
            "product": requests[0].product.value,
        }
        legs = [
            {
                "tag": request.client_id,
                "instrument": request.instrument.key,
                "side": request.side.name,
                "quantity": request.quantity,
                "price": str(request.price),
                "trigger": None if request.trigger_price is None else str(request.trigger_price),
            }
            for request in requests
        ]
        if len(legs) > 1:
            return Request(self._request("POST", "baskets", {**common, "legs": legs}))
        return Request(self._request("POST", "orders", {**common, **legs[0]}))

    def _request(self, method: str, path: str, body: Any) -> HttpRequest:
        data = b"" if body is None else msgspec.json.encode(body)
        return HttpRequest(method=method, url=self._host + path, headers=self.headers, body=data)

    def replacement(self, order: Order, approved: Approved[Replacement]) -> Outgoing:
        wanted = approved.item
        body = {
            "account": order.account,
            "quantity": wanted.quantity,
            "price": str(wanted.price),
            "trigger": None if wanted.trigger_price is None else str(wanted.trigger_price),
        }
        return Request(self._request("PUT", f"orders/{order.broker_id}", body))

    def cancellation(self, order: Order) -> Outgoing:
        body = {"account": order.account}
        return Request(self._request("DELETE", f"orders/{order.broker_id}", body))

    def read_back(self, outgoing: Outgoing) -> Sequence[WireOrder]:
        assert isinstance(outgoing, Request)
        said = msgspec.json.decode(outgoing.body)
        _, _, broker_id = outgoing.http.url.partition("orders/")
        return [self._row(said, leg, broker_id) for leg in said.get("legs", [said])]

    def _row(self, said: dict[str, Any], leg: dict[str, Any], broker_id: str) -> WireOrder:
        trigger = leg.get("trigger")
        return WireOrder(
            account=said["account"],
            tag=leg.get("tag"),
            broker_id=broker_id or None,
            instrument=self._catalogue.by_key(leg["instrument"]) if "instrument" in leg else None,
            side=Side[leg["side"]] if "side" in leg else None,
            quantity=leg.get("quantity"),
            order_type=None
            if broker_id
            else (OrderType.LIMIT if trigger is None else OrderType.STOP_LIMIT),
            price=Decimal(leg["price"]) if "price" in leg else None,
            trigger_price=None if trigger is None else Decimal(trigger),
            product=Product(said["product"]) if "product" in said else None,
        )

    async def transmit(
        self, outgoing: Outgoing, on_written: Callable[[], None]
    ) -> Sequence[Answer]:
        assert isinstance(outgoing, Request)
        reply = await self._http.send(outgoing.http, on_written)
        legs = msgspec.json.decode(outgoing.body).get("legs") if outgoing.body else None
        if legs is not None:
            return self.classify_legs(reply, legs)
        if self._is_of_another(outgoing, reply):
            return [Answer(ReplyOutcome.AMBIGUOUS, text="the reply is another request's")]
        return [self.classify(reply)]

    @staticmethod
    def _is_of_another(outgoing: Request, reply: HttpReply) -> bool:
        """Say whether a reply is not of this request: each names its order, refused or not."""
        if reply.status != 200:
            return False
        try:
            data = msgspec.json.decode(reply.body).get("data") or {}
            asked = msgspec.json.decode(outgoing.body).get("tag")
            got = data.get("tag")
        except (msgspec.DecodeError, AttributeError):
            return False
        if asked is not None:
            return got != asked
        return not outgoing.http.url.endswith(f"/{data.get('order_id')}")

    def classify_legs(self, reply: HttpReply, legs: list[dict[str, Any]]) -> list[Answer]:
        """Say what a reply proves of each leg of a basket; an unknown leg in it proves nothing."""
        try:
            data = msgspec.json.decode(reply.body)["data"] if reply.status == 200 else None
            rows = [(row, "placed") for row in data["placed"]]
            rows += [(row, "failed") for row in data["failed"]]
        except (ValueError, KeyError, TypeError):
            return [Answer(ReplyOutcome.AMBIGUOUS, text=f"status {reply.status}") for _ in legs]
        answers = [self.answer(leg, rows) for leg in legs]
        if rows:
            why = f"the reply speaks of {len(rows)} orders that were not sent"
            return [Answer(ReplyOutcome.AMBIGUOUS, text=why) for _ in legs]
        return answers

    def answer(self, leg: dict[str, Any], rows: list[tuple[dict[str, Any], str]]) -> Answer:
        """Take out of ``rows`` the one that looks like a leg, and say what it proves."""
        for number, (row, status) in enumerate(rows):
            if all(row[name] == leg[name] for name in LOOK):
                del rows[number]
                if status == "placed":
                    return Answer(ReplyOutcome.ACCEPTED, row["order_id"])
                return Answer(ReplyOutcome.REFUSED, None, "failed", "the broker gives no reason")
        return Answer(ReplyOutcome.AMBIGUOUS, text="the reply left it out")

    def classify(self, reply: HttpReply) -> Answer:
        """Say what a reply proves. What no list names is ambiguous."""
        try:
            said = msgspec.json.decode(reply.body)
            data = said.get("data") or {}
        except (msgspec.DecodeError, AttributeError):
            return Answer(ReplyOutcome.AMBIGUOUS, text=f"status {reply.status}, no reply in JSON")
        if reply.status != 200 or not isinstance(data, dict):
            return Answer(ReplyOutcome.AMBIGUOUS, text=f"status {reply.status}")
        code = data.get("error") or said.get("code") or ""
        text = str(data.get("message") or said.get("message") or "")
        if code in REFUSES:
            return Answer(ReplyOutcome.REFUSED, None, code, text)
        if said.get("status") is True and data.get("order_id"):
            return Answer(ReplyOutcome.ACCEPTED, data["order_id"])
        return Answer(ReplyOutcome.AMBIGUOUS, None, code, text or "no order id")

    # -- books -----------------------------------------------------------------------------------

    async def read_books(self, account: str) -> Snapshot:
        """Read orders, trades, positions and orders again, until two order books agree."""
        asked_at = self._clock.now()
        why = ""
        for _ in range(READS_MAX):
            asked_at = self._clock.now()
            orders = await self._rows("orders", account)
            trades = await self._rows("trades", account)
            positions = await self._rows("positions", account)
            again = await self._rows("orders", account)
            if orders is None or trades is None or positions is None or again is None:
                why = "a book could not be read"
                break
            if orders == again:
                return self._snapshot(account, asked_at, orders, trades, positions)
            why = "the order book kept changing while it was read"
        return Snapshot(
            account=account,
            source=f"{self._source}-book",
            asked_at=asked_at,
            orders=(),
            is_complete=False,
            why=why,
        )

    async def _rows(self, book: str, account: str) -> list[dict[str, Any]] | None:
        request = self._request("GET", f"{book}/{account}", None)
        try:
            reply = await self._http.send(request)
            if reply.status != 200:
                return None
            rows: list[dict[str, Any]] = msgspec.json.decode(reply.body)["data"]
        except (NotSent, OutcomeUnknown, msgspec.DecodeError, KeyError):
            return None
        return rows

    def _snapshot(
        self,
        account: str,
        asked_at: int,
        orders: list[dict[str, Any]],
        trades: list[dict[str, Any]],
        positions: list[dict[str, Any]],
    ) -> Snapshot:
        return Snapshot(
            account=account,
            source=f"{self._source}-book",
            asked_at=asked_at,
            orders=tuple(self.update(row) for row in orders),
            trades=tuple(
                TradeRow(
                    broker_id=row["order_id"],
                    quantity=int(row["quantity"]),
                    price=Decimal(row["price"]),
                    fill_id=row["fill_id"],
                )
                for row in trades
            ),
            positions=tuple(
                PositionRow(
                    instrument=self._catalogue.by_key(row["instrument"]),
                    product=Product(row["product"]),
                    quantity=int(row["quantity"]),
                )
                for row in positions
                if int(row["quantity"])
            ),
        )

    def update(self, row: dict[str, Any]) -> OrderUpdate:
        """Return what a row, of a book or of the stream, says."""
        raw = str(row["status"])
        status = STATUS.get(raw.strip().casefold(), RemoteStatus.UNRECOGNISED)
        average = Decimal(row["average"])
        return OrderUpdate(
            account=row["account"],
            source=self._source,
            status=status,
            client_id=row["tag"],
            broker_id=row["order_id"],
            filled_quantity=int(row["filled"]),
            average_price=average or None,
            quantity=int(row["quantity"]),
            price=Decimal(row["price"]),
            version=int(row["version"]),
            reason=row["reason"] or None,
            raw_status=raw,
            instrument=self._catalogue.by_key(row["instrument"]),
            side=Side[row["side"]],
            product=Product(row["product"]),
            placed_at=int(row["placed_ns"]),
        )


class OrderStream:
    """Keeps one broker's order stream up and publishes what it says, for all its accounts."""

    def __init__(
        self,
        connector: Connector,
        execution: SimExecution,
        accounts: Sequence[str],
        dice: Random,
        publish: Callable[[Event], object],
        url: str = "ws://broker.test/orders",
    ) -> None:
        self._url = url
        self._connector = connector
        self._execution = execution
        self._accounts = tuple(accounts)
        self._backoff = Backoff(dice)
        self._publish = publish
        self.bad_frames = 0

    async def run(self) -> None:
        """Connect, listen, and connect again, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                socket = await self._connector.connect(self._url, {})
            except NotSent:
                await asyncio.sleep(self._backoff.next_s())
                continue
            up_since = loop.time()
            self._tell(is_up=True, why="connected")
            try:
                while True:
                    self._take(await socket.receive())
            except SocketClosed as closed:
                self._tell(is_up=False, why=str(closed))
            self._backoff.held(loop.time() - up_since)
            await asyncio.sleep(self._backoff.next_s())

    def _take(self, frame: str | bytes) -> None:
        """Publish one frame; a bad one is counted and never fatal."""
        try:
            update = self.decode(frame)
        except WireError:
            self.bad_frames += 1
            return
        if update.account in self._accounts:
            self._publish(OrderUpdated(update))

    def decode(self, frame: str | bytes) -> OrderUpdate:
        """Return what a frame says. Raises ``WireError`` and nothing else."""
        try:
            return self._execution.update(msgspec.json.decode(frame))
        except (msgspec.DecodeError, ValueError, KeyError, TypeError, ArithmeticError) as error:
            raise WireError(f"no order row: {error}") from error

    def _tell(self, *, is_up: bool, why: str) -> None:
        for account in self._accounts:
            self._publish(OrderStreamChanged(account, is_up, why))
