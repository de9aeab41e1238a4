"""The transport's seam in memory: requests and a stream, through everything that can go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import msgspec

from brokers.transport.http import HttpReply, HttpRequest
from brokers.transport.web_socket import SocketClosed, WebSocket
from engine.errors import NotSent, OutcomeUnknown
from tests.simulation.broker import Broker
from tests.simulation.loop import OUTSIDE
from tests.simulation.mangle import PROCESSED, UNPROCESSED, Hidden, book, stream_row
from tests.simulation.nemesis import Nemesis

HTML = b"<html><body>502 Bad Gateway</body></html>"
LIMITED = b"Access denied because of exceeding access rate"
BEYOND_S = (120.0, 600.0)
"""When an order is accepted that nobody waits for any more (A1 of ``engine.core.doubt``)."""
AT_LAST_S = (115.0, 119.0)
"""When an order is accepted just before its absence would have been proven."""
DARK_S = (8.0, 60.0)
"""How long a broker then shows nothing: for a look or two, or until all it showed is believed gone."""
KNOWN_S = 60.0
"""What was placed so long ago an engine knows, so that an empty book cannot be whole."""
EMPTY = '{"status": true, "data": []}'
MANGLED = frozenset({"book_empty", "book_truncated", "book_doubled"})
TIMED_OUT = b'{"status":false,"code":"E408","message":"Order request timed out, confirm first"}'


def _json(said: Any) -> str:
    return msgspec.json.encode(said).decode()


def _tags(request: HttpRequest) -> list[str]:
    """Return the tags of the orders a request places, none when it places none."""
    if request.method != "POST":
        return []
    asked = msgspec.json.decode(request.body)
    return [leg["tag"] for leg in asked.get("legs", [asked])]


class MemoryHttp:
    """``HttpClient`` in front of one broker: latency, and the faults of a network and its gateways."""

    def __init__(self, broker: Broker, dice: Random, nemesis: Nemesis) -> None:
        self._broker = broker
        self._dice = dice
        self._nemesis = nemesis
        self._old: dict[str, str] = {}
        self._another = b""
        self._hidden = Hidden()
        self.is_known: Callable[[str], bool] = lambda _: True
        self.holds: Callable[[Sequence[str]], float] = lambda _: 0.0
        self.on_connecting: Callable[[str], None] = lambda _: None
        self.on_leaving: Callable[[str], None] = lambda _: None
        self.on_changing: Callable[[str], None] = lambda _: None

    async def send(
        self, request: HttpRequest, on_written: Callable[[], None] = lambda: None
    ) -> HttpReply:
        nemesis, dice = self._nemesis, self._dice
        tags = _tags(request)
        for tag in tags:
            self.on_connecting(tag)
        await asyncio.sleep(dice.uniform(0.0005, 0.01) + self.holds(tags))
        if nemesis.strikes("refused"):
            raise NotSent("connection refused")
        on_written()
        for tag in tags:
            self.on_leaving(tag)
        changed = self._broker.rows.get(request.url.rpartition("/")[2])
        if request.method == "PUT" and changed is not None and changed.tag is not None:
            self.on_changing(changed.tag)
        if request.method == "GET":
            await asyncio.sleep(dice.uniform(0.005, 0.05))
            return await self._read(request)
        if tags and nemesis.strikes("accepted_after_proof"):
            nemesis.beyond.update(tags)
            self._arrive(request, dice.uniform(*BEYOND_S), late=True)
            await asyncio.sleep(dice.uniform(0, 3))
            raise OutcomeUnknown("connection reset")
        if tags and nemesis.strikes("accepted_at_last_in_the_dark", nemesis.apart):
            after_s = nemesis.apart.uniform(*AT_LAST_S)
            self._arrive(request, after_s, late=True, in_the_dark=True)
            raise OutcomeUnknown("connection reset")
        fault = nemesis.first(
            "lost_on_the_way",
            "accepted_late",
            "reply_500_before",
            "reply_rate_limited_after_accepting",
        )
        if fault in {"lost_on_the_way", "accepted_late"}:
            if fault == "accepted_late":
                self._arrive(request, dice.uniform(0.5, 119.0), late=True)
            await asyncio.sleep(dice.uniform(0, 3))
            raise OutcomeUnknown("connection reset")
        if not fault:
            fault = nemesis.first("reset_before_first_byte", *UNPROCESSED)
        if fault == "reset_before_first_byte":
            raise OutcomeUnknown("connection reset")
        if fault in UNPROCESSED:
            await asyncio.sleep(dice.uniform(0.005, 0.05))
            return HttpReply(status=UNPROCESSED[fault], body=HTML)
        if fault == "reply_500_before":
            await asyncio.sleep(dice.uniform(0.005, 0.05))
            return HttpReply(status=500, body=HTML)
        legs_fault, fates = self._legs_fault(request)
        # What was written arrives, whether or not the one who wrote it still lives.
        status, text = await self._arrive(request, dice.uniform(0.005, 0.05), fates=fates)
        await asyncio.sleep(dice.uniform(0.005, 0.05))
        if legs_fault == "legs_accepted_in_part_then_timed_out":
            raise OutcomeUnknown("timed out")
        text = self._twist(legs_fault, text)
        if fault == "reply_rate_limited_after_accepting":
            return HttpReply(status=403, body=LIMITED)
        is_of_legs = request.url.endswith("baskets")
        if request.method == "POST" and not is_of_legs:
            self._may_reject_later(text)
        return await self._reply(status, text.encode(), is_of_legs=is_of_legs)

    def _may_reject_later(self, text: str) -> None:
        """Have an order that was accepted and stands be rejected half a minute later."""
        order_id = msgspec.json.decode(text)["data"].get("order_id")
        if order_id and self._nemesis.strikes("late_reject"):
            asyncio.get_running_loop().call_later(
                30.0, self._broker.reject_late, order_id, context=OUTSIDE
            )

    def _legs_fault(self, request: HttpRequest) -> tuple[str, Sequence[str]]:
        """Choose what goes wrong with a request of several legs, and the fate of each leg."""
        legs = msgspec.json.decode(request.body).get("legs", []) if request.body else []
        if not legs:
            return "", ()
        self._nemesis.counts["several_in_one"] += 1
        dice, fates = self._dice, [""] * len(legs)
        fault = self._nemesis.first(
            "legs_fail_in_part",
            "leg_missing",
            "leg_extra",
            "legs_reordered",
            "legs_accepted_in_part_then_timed_out",
        )
        if fault == "leg_missing":
            fates[dice.randrange(len(legs))] = dice.choice(("skip", "hide"))
        elif fault in {"legs_fail_in_part", "legs_accepted_in_part_then_timed_out"}:
            fate = "fail" if fault == "legs_fail_in_part" else "skip"
            for number in dice.sample(range(len(legs)), dice.randrange(1, len(legs))):
                fates[number] = fate
        return fault, fates

    def _twist(self, fault: str, text: str) -> str:
        """Bring the legs of a reply into another order, or put one in that was never sent."""
        if fault not in {"leg_extra", "legs_reordered"}:
            return text
        said = msgspec.json.decode(text)
        placed = said["data"]["placed"]
        if fault == "leg_extra":
            row = self._dice.choice([*placed, *said["data"]["failed"]])
            quantity = row["quantity"] * self._dice.choice((1, 2))
            placed.append({**row, "quantity": quantity, "order_id": "Z00001"})
        self._dice.shuffle(placed)
        return _json(said)

    def _arrive(
        self,
        request: HttpRequest,
        after_s: float,
        *,
        late: bool = False,
        in_the_dark: bool = False,
        fates: Sequence[str] = (),
    ) -> asyncio.Future[tuple[int, str]]:
        """Let a request reach the broker after a while; the future has its answer.

        ``in_the_dark``: its account is shown nothing then, where that can be told from the truth.
        """
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[tuple[int, str]] = loop.create_future()

        if late:
            self._nemesis.late += 1

        def arrive() -> None:
            if late:
                self._nemesis.late -= 1
            if in_the_dark:
                account = msgspec.json.decode(request.body)["account"]
                if self._broker.has_history(account, KNOWN_S):
                    self._nemesis.goes_dark(account, loop.time(), DARK_S)
            answer = self._handle(request, late=late, fates=fates)
            if not answered.done():
                answered.set_result(answer)

        loop.call_later(after_s, arrive, context=OUTSIDE)
        return answered

    async def _reply(self, status: int, body: bytes, *, is_of_legs: bool) -> HttpReply:
        fault = self._nemesis.first(
            "reset_after_accepting",
            "reply_late",
            "reply_very_late",
            "reply_empty",
            "reply_html",
            "reply_truncated",
            "reply_500_after",
            "reply_400_timed_out_after_accepting",
            "reply_without_id",
            "reply_of_another",
            *PROCESSED,
        )
        another = self._another
        if not is_of_legs:
            # The legs of a reply are known by their looks, which another basket's may have as well.
            self._another = body
        if fault in PROCESSED:
            return HttpReply(status=PROCESSED[fault], body=HTML)
        match fault:
            case "reset_after_accepting":
                raise OutcomeUnknown("connection reset")
            case "reply_late":
                await asyncio.sleep(self._dice.uniform(1, 20))
            case "reply_very_late":
                await asyncio.sleep(self._dice.uniform(20, 90))
            case "reply_empty":
                return HttpReply(status=200)
            case "reply_html":
                return HttpReply(status=200, body=HTML)
            case "reply_truncated":
                return HttpReply(status=status, body=body[: self._dice.randrange(len(body))])
            case "reply_500_after":
                return HttpReply(status=502, body=HTML)
            case "reply_400_timed_out_after_accepting":
                return HttpReply(status=400, body=TIMED_OUT)
            case "reply_of_another":
                return HttpReply(status=200, body=another)
            case "reply_without_id":
                return HttpReply(status=200, body=b'{"status":true,"data":{}}')
        return HttpReply(status=status, body=body)

    async def _read(self, request: HttpRequest) -> HttpReply:
        """Answer a question about the books, which may be old, short, doubled or not there."""
        nemesis, dice = self._nemesis, self._dice
        status, text = self._handle(request)
        fresh = text
        fault = nemesis.first(
            "book_empty", "book_truncated", "book_stale", "book_doubled", "book_fails"
        )
        is_lagging = "positions/" in request.url and nemesis.strikes("positions_lag")
        if fault == "book_stale" or is_lagging:
            text = self._old.get(request.url, EMPTY)
        if fault in MANGLED:
            text = self._mangled(text, fault, is_of_positions="positions/" in request.url)
        if not fault:
            text = self._mangled_more(text, is_of_orders="orders/" in request.url)
        account, now = request.url.rpartition("/")[2], asyncio.get_running_loop().time()
        if "orders/" in request.url and nemesis.is_dark(account, now):
            text = EMPTY
        self._old[request.url] = fresh
        await asyncio.sleep(dice.uniform(0.005, 0.2))
        if fault == "book_fails":
            return HttpReply(status=dice.choice((429, 500, 504)), body=LIMITED)
        return HttpReply(status=status, body=text.encode())

    def _mangled(self, text: str, fault: str, *, is_of_positions: bool) -> str:
        """Return a book with a fault in its rows."""
        rows = msgspec.json.decode(text)["data"]
        if fault == "book_empty":
            rows = []
        elif fault == "book_truncated":
            rows = rows[: self._dice.randrange(len(rows) + 1)]
        elif fault == "book_doubled" and not is_of_positions:
            rows = [*rows, *rows]
        return _json({"status": True, "data": rows})

    def _mangled_more(self, text: str, *, is_of_orders: bool) -> str:
        """Return a book with a page lost, a row away for a while, or numbers as text."""
        nemesis, now = self._nemesis, asyncio.get_running_loop().time()
        fault = nemesis.first("book_loses_a_page", "book_numbers_as_strings")
        if nemesis.healed:
            self._hidden.forget()
        hides = is_of_orders and nemesis.strikes("book_hides_a_row")
        if not (fault or hides or (is_of_orders and self._hidden.any)):
            return text
        rows = book(fault, msgspec.json.decode(text)["data"], self._dice)
        if hides:
            self._hidden.hide([row for row in rows if self._may_hide(row)], now, self._dice)
        if is_of_orders:
            rows = self._hidden.shown(rows, now)
        return _json({"status": True, "data": rows})

    def _may_hide(self, row: Mapping[str, Any]) -> bool:
        """Say whether a row may be away: not that of an order which may be in doubt (A1)."""
        tag = self._broker.rows[row["order_id"]].tag
        return tag is None or self.is_known(tag)

    def _handle(
        self, request: HttpRequest, *, late: bool = False, fates: Sequence[str] = ()
    ) -> tuple[int, str]:
        path = request.url.partition("://")[2].partition("/")[2]
        return self._broker.handle(request.method, path, request.body, late=late, fates=fates)

    async def warm(self, url: str) -> None:
        """Nothing is cold in memory."""

    async def close(self) -> None:
        """Nothing to let go."""


class MemoryStream:
    """The broker's end of every open stream: pushes rows through the faults of a stream."""

    def __init__(self, broker: Broker, dice: Random, nemesis: Nemesis) -> None:
        self._broker = broker
        self._dice = dice
        self._nemesis = nemesis
        self._sockets: list[_Socket] = []
        broker.tell = self._tell

    async def connect(self, _url: str, _headers: Mapping[str, str]) -> WebSocket:
        await asyncio.sleep(self._dice.uniform(0.01, 0.1))
        if self._nemesis.strikes("refused"):
            raise NotSent("connection refused")
        socket = _Socket(self._sockets)
        self._sockets.append(socket)
        if self._nemesis.strikes("stream_replays_the_day"):
            for row in self._broker.rows.values():
                socket.push(_json(self._broker.shown(row)))
        return socket

    def break_all(self) -> None:
        """Cut every stream off."""
        for socket in list(self._sockets):
            socket.cut(1006)

    def _tell(self, row: dict[str, Any]) -> None:
        nemesis = self._nemesis
        if nemesis.is_dark(row["account"], asyncio.get_running_loop().time()):
            return
        text = _json(row)
        for socket in list(self._sockets):
            if nemesis.strikes("stream_breaks"):
                socket.cut(self._dice.choice((1001, 1006, 1011, 4001)))
                continue
            self._push(socket, row, text)

    def _push(self, socket: _Socket, row: dict[str, Any], text: str) -> None:
        nemesis = self._nemesis
        fault = nemesis.first(
            "stream_drops",
            "stream_doubles",
            "stream_delays",
            "stream_unknown_status",
            "stream_spaces_in_status",
            "stream_garbage",
            "stream_other_account",
            "stream_delays_long",
            "stream_filled_without_quantity",
            "stream_filled_too_small",
            "stream_version_regresses",
        )
        text = _json(stream_row(fault, row)) if fault else text
        loop = asyncio.get_running_loop()
        delay = self._dice.uniform(0.001, 0.05)
        match fault:
            case "stream_drops":
                return
            case "stream_doubles":
                loop.call_later(delay + self._dice.uniform(0, 3), socket.push, text)
            case "stream_delays":
                delay += self._dice.uniform(0, 8)
            case "stream_delays_long":
                delay += self._dice.uniform(10, 60)
            case "stream_unknown_status":
                text = _json({**row, "status": "VALIDATION_LIMBO"})
            case "stream_spaces_in_status":
                text = _json({**row, "status": f" {row['status'].lower()}  "})
            case "stream_garbage":
                text = text[: self._dice.randrange(1, len(text))]
            case "stream_other_account":
                text = _json({**row, "account": "SOMEBODY"})
        loop.call_later(delay, socket.push, text)


class _Socket:
    """The engine's end of one stream."""

    def __init__(self, siblings: list[_Socket]) -> None:
        self._siblings = siblings
        self._queue: asyncio.Queue[str | int] = asyncio.Queue()
        self._closed: int | None = None

    def push(self, text: str) -> None:
        if self._closed is None:
            self._queue.put_nowait(text)

    def cut(self, code: int) -> None:
        if self._closed is None:
            self._closed = code
            self._siblings.remove(self)
            self._queue.put_nowait(code)

    async def send(self, _message: str | bytes) -> None:
        if self._closed is not None:
            raise SocketClosed(self._closed)

    async def receive(self) -> str | bytes:
        item = await self._queue.get()
        if isinstance(item, int):
            self._queue.put_nowait(item)
            raise SocketClosed(item)
        return item

    async def close(self, code: int = 1000) -> None:
        self.cut(code)
