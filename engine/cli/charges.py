"""``engine charges "SELL 65 NIFTY 24000 CE @ 120"``: what a trade costs, and its break-even."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from engine import app
from engine.cli.charged import Question, charged
from engine.cli.charges_shown import write_charged
from engine.cli.output import JsonOption, write_json
from engine.cli.trade_words import Exchange, TradeWords, parse_trades
from engine.errors import FileError
from engine.model.order import Product
from engine.model.tariff import Tariff
from engine.rules.charges import plan_named
from engine.rules.clock_time import ist_date
from engine.rules.contract_class import ContractClass
from engine.runtime.clock import SystemClock

_FUND_ENDINGS = ("BEES", "ETF")


def charges(
    trades: Annotated[
        str,
        typer.Argument(
            metavar="TRADES",
            help='One trade or several, e.g. "BUY 65 NIFTY 24000 CE @ 100, SELL 65 NIFTY 24000 CE '
            '@ 120". Units, or "2 lots". BUY, SELL, or EXERCISE at what the index settled at.',
        ),
    ],
    *,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="The day, 2026-08-19; default today.")
    ] = None,
    plan: Annotated[
        str | None,
        typer.Option(
            "--plan", help="angelone (the default), aliceblue, zerodha, or one of --file."
        ),
    ] = None,
    product: Annotated[
        Product, typer.Option("--product", help="A share's: intraday or delivery.")
    ] = Product.INTRADAY,
    exchange: Annotated[
        Exchange | None,
        typer.Option("--exchange", help="Default: the index's or commodity's, NSE for shares."),
    ] = None,
    group: Annotated[
        str | None, typer.Option("--group", help="The group of a share of BSE: A, B, X, Z ...")
    ] = None,
    etf: Annotated[
        bool | None, typer.Option("--etf/--share", help="A unit of a fund, not a share.")
    ] = None,
    square_off: Annotated[
        bool, typer.Option("--square-off", help="The broker closed it: add its fee for that.")
    ] = False,
    lot_size: Annotated[
        int | None, typer.Option("--lot-size", min=1, help="Units in a lot, where you write lots.")
    ] = None,
    tick: Annotated[
        str | None, typer.Option("--tick", help="The contract's tick, rupees, for the break-even.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="A strategies.yaml, for its plans, groups and funds."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Break up what trades cost, rate by rate with its source.

    And say where they break even.
    """
    day = _day(on)
    words = parse_trades(trades, day, exchange=exchange, units_in_lot=lot_size)
    said = Tariff() if file is None else app.load(file).configuration.charges
    tariff = _with_scrips(said, words, group, is_etf=etf)
    answer = charged(
        Question(
            words=tuple(words),
            on=day,
            on_is_today=on is None,
            plan=plan_named(plan or tariff.plan, tariff),
            tariff=tariff,
            product=product,
            is_square_off=square_off,
            tick=_tick(tick),
        )
    )
    if as_json:
        write_json(answer)
    else:
        write_charged(answer)


def _with_scrips(
    tariff: Tariff, words: list[TradeWords], group: str | None, *, is_etf: bool | None
) -> Tariff:
    """Add what the options say of the shares; ask where a name sounds like a fund's."""
    shares = dict.fromkeys(
        each.contract.underlying for each in words if each.contract.klass is ContractClass.CASH
    )
    groups, etfs = dict(tariff.bse_groups), list(tariff.etfs)
    for share in shares:
        if group is not None:
            groups[share] = group.upper()
        if is_etf:
            etfs.append(share)
        elif is_etf is None and share not in etfs and share.endswith(_FUND_ENDINGS):
            raise FileError(
                f"{share} sounds like a fund, whose units bear another tax than shares; say which "
                "it is: --etf or --share"
            )
    return Tariff(
        plan=tariff.plan,
        accounts=tariff.accounts,
        own=tariff.own,
        bse_groups=groups,
        etfs=tuple(etfs),
    )


def _day(text: str | None) -> date:
    if text is None:
        return ist_date(SystemClock().now())
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise FileError(f"--on {text}: not a day like 2026-08-19") from None


def _tick(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        tick = Decimal(text)
    except InvalidOperation:
        tick = Decimal(0)
    if not tick.is_finite() or tick <= 0:
        raise FileError(f"--tick {text}: not a number of rupees above 0, like 0.05")
    return tick
