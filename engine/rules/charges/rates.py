"""Which rates a trade bears on a day, with their sources."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.errors import FileError
from engine.model.instrument import Segment
from engine.model.money import ZERO
from engine.model.tariff import Tariff
from engine.rules.charges import tables
from engine.rules.charges.contract import Contract, Taxed
from engine.rules.charges.tables import Venue
from engine.rules.contract_class import ContractClass
from engine.rules.dated import Row, row_in_force

_NOTHING: Final = Row(date.min, ZERO, "borne by nobody here")


class RateRows(msgspec.Struct, frozen=True, kw_only=True):
    """The rows in force for one kind of trade, as shares of the traded value.

    For options the value is the premium. ``gst`` is a share of the services it is on.
    """

    stt_buy: Row[Decimal]
    stt_sell: Row[Decimal]
    exchange: Row[Decimal]
    ipft: Row[Decimal]
    sebi: Row[Decimal]
    gst: Row[Decimal]
    stamp_buy: Row[Decimal]

    def __iter__(self) -> Iterator[tuple[str, Row[Decimal]]]:
        for name in self.__struct_fields__:
            yield name, getattr(self, name)

    @property
    def rates(self) -> Rates:
        """The bare figures."""
        return Rates(**{name: row.value for name, row in self})


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of the traded value; see ``RateRows``."""

    stt_buy: Decimal = ZERO
    stt_sell: Decimal = ZERO
    exchange: Decimal
    ipft: Decimal = ZERO
    sebi: Decimal
    gst: Decimal
    stamp_buy: Decimal = ZERO


def rate_rows(contract: Contract, taxed: Taxed, day: date, tariff: Tariff) -> RateRows:
    """Return the rates of a trade in ``contract`` that is taxed as ``taxed``, on ``day``.

    Raises ``FileError`` on a day that a table does not cover, for a share of BSE whose group
    ``tariff`` does not name, and for farm commodities, whose exchange charge is not known.
    """
    venue = venue_of(contract, taxed, tariff)
    on_buys = tables.STT_BUY.get(taxed)
    ipft = tables.IPFT.get(venue)
    return RateRows(
        stt_buy=_NOTHING if on_buys is None else row_in_force(on_buys, day, f"STT on {taxed}"),
        stt_sell=row_in_force(tables.STT_SELL[taxed], day, f"transaction tax on {taxed}"),
        exchange=row_in_force(tables.EXCHANGE[venue], day, f"exchange charge of {venue}"),
        ipft=_NOTHING if ipft is None else row_in_force(ipft, day, f"IPFT of {venue}"),
        sebi=row_in_force(tables.SEBI, day, "SEBI's fee"),
        gst=gst_row(day),
        stamp_buy=row_in_force(tables.STAMP_BUY[taxed], day, f"stamp duty on {taxed}"),
    )


def gst_row(day: date) -> Row[Decimal]:
    """Return the tax on services on ``day``. Raises before the first known one."""
    return row_in_force(tables.GST, day, "GST")


def venue_of(contract: Contract, taxed: Taxed, tariff: Tariff) -> Venue:
    """Return what the exchange prices a trade as. Raises as ``rate_rows`` does."""
    is_option = contract.klass.is_option
    match contract.segment:
        case Segment.NSE_CM:
            return Venue.NSE_CASH
        case Segment.NSE_FO:
            return Venue.NSE_OPTIONS if is_option else Venue.NSE_FUTURES
        case Segment.BSE_CM:
            return _bse_group(contract, tariff)
        case Segment.BSE_FO if not is_option:
            return Venue.BSE_FUTURES
        case Segment.BSE_FO:
            is_dearer = contract.underlying in tables.BSE_DEARER_OPTIONS
            is_index = contract.klass is ContractClass.OPTIDX
            return Venue.BSE_INDEX_OPTIONS if is_dearer and is_index else Venue.BSE_OTHER_OPTIONS
        case Segment.MCX_FO if taxed in (Taxed.COMMODITY_FUTURE, Taxed.COMMODITY_OPTION):
            return Venue.MCX_OPTIONS if is_option else Venue.MCX_FUTURES
        case Segment.MCX_FO:
            raise FileError(
                f"{contract.symbol}: what MCX charges for farm commodities is not known"
            )
        case _:
            raise FileError(f"{contract.symbol}: no charges are known for {contract.segment}")


def _bse_group(contract: Contract, tariff: Tariff) -> Venue:
    known = ", ".join(tables.BSE_GROUPS)
    group = tariff.bse_groups.get(contract.underlying)
    if group is None:
        raise FileError(
            f"{contract.symbol} on BSE: the exchange charges by the share's group (0.00375 % to "
            f"1 %), and its group is not known; name it: --group on the command line, or "
            f"`charges: {{bse_groups: {{{contract.underlying}: A}}}}` in the YAML; known: {known}"
        )
    venue = tables.BSE_GROUPS.get(group)
    if venue is None:
        raise FileError(
            f"{contract.symbol} on BSE: no charge is known for group {group!r}; known: {known}"
        )
    return venue
