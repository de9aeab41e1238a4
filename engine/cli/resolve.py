"""``engine resolve``: a person settles what the engine cannot know, with a reason."""

from __future__ import annotations

import getpass
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from engine.cli import show
from engine.core.client_ids import parse
from engine.errors import FileError
from engine.model.codec import encode
from engine.model.event import HumanResolved, Resolution
from engine.model.order import Product
from engine.runtime.clock import SystemClock
from engine.runtime.inbox import Inbox


class Settled(StrEnum):
    """What became of an order, in the words of the command line."""

    NOT_PLACED = "not-placed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


class _Person:
    """Who says so, why, and the name of the act."""

    def __init__(self, who: str | None, why: str) -> None:
        if not why.strip():
            raise FileError("--why is empty: write down how you know, it is what an auditor reads")
        self.who = who or getpass.getuser()
        self.why = why
        self.act_id = f"{SystemClock().now()}-{os.getpid()}"


def resolve(
    subject: Annotated[
        str,
        typer.Argument(help="The client id of an order in doubt, or an instrument's key."),
    ],
    *,
    state: Annotated[Path, typer.Option(help="The account's state folder.")],
    why: Annotated[str, typer.Option(help="How you know: it stands in the journal.")],
    settled: Annotated[
        Settled | None, typer.Option("--as", help="What became of the order.")
    ] = None,
    account: Annotated[str | None, typer.Option(help="Whose units are accepted.")] = None,
    quantity: Annotated[
        int | None, typer.Option(help="Units to accept, signed: what nobody can explain.")
    ] = None,
    product: Annotated[Product, typer.Option(help="Their product.")] = Product.INTRADAY,
    who: Annotated[str | None, typer.Option(help="Your name; default: the user's.")] = None,
) -> None:
    """Settle an order in doubt, or units that no order explains.

    The engine takes it up within a second, or when it next starts, and journals it. Nothing is
    sent because of it, and no fill is made up.
    """
    person = _Person(who, why)
    if not state.is_dir():
        raise FileError(f"{state}: no such folder: --state is the account's state folder")
    if settled is not None:
        act = _order(subject, settled, person)
        words = f"{subject} is {settled.value}"
    elif account is not None and quantity:
        act = _units(subject, account, quantity, product, person)
        words = f"{account} holds {quantity:+d} {subject} {product.value} that is not ours"
    else:
        raise FileError(
            "say what became of an order with --as, or accept units with --account and --quantity"
        )
    Inbox(state).put(act)
    show.say(f"asked for: {words}, says {person.who}: {why}")
    show.say("a running engine takes it up within a second, another one when it starts")


def _order(subject: str, settled: Settled, person: _Person) -> bytes:
    if parse(subject) is None:
        raise FileError(
            f"{subject!r} is no client id of ours (LW and 12 more characters); `engine status` "
            "lists the orders in doubt"
        )
    return encode(
        HumanResolved(subject, Resolution[settled.name], person.who, person.why, person.act_id)
    )


def _units(key: str, account: str, quantity: int, product: Product, person: _Person) -> bytes:
    """Return the act as bytes: the instrument stands in it by its key, which the engine knows."""
    if key.count("/") < 1:
        raise FileError(f"{key!r} is no instrument's key, like nse_fo/NIFTY/2026-08-25/24000/CE")
    return msgspec.json.encode(
        {
            "type": "HumanAdjusted",
            "account": account,
            "instrument": key,
            "product": product.value,
            "quantity": quantity,
            "who": person.who,
            "why": person.why,
            "act_id": person.act_id,
        }
    )
