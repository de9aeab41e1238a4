"""What charges depend on in a contract, and how a trade in it is taxed.

A quantity is in units of the quote everywhere in the engine, so that price times quantity is
rupees: a lot of MCX GOLD, 1 kg quoted per 10 g, is 100 units (market_rules.md section 3; the
adapter's master brings each broker's own count to it).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from engine.errors import FileError
from engine.model.instrument import Instrument, Segment
from engine.model.order import Product
from engine.model.tariff import Tariff
from engine.rules.contract_class import ContractClass, contract_class
from engine.rules.hours import COMMODITY_CLASSES, HoursClass


class Contract(NamedTuple):
    """As much of an instrument as its charges depend on; ``symbol`` is for messages."""

    segment: Segment
    klass: ContractClass
    underlying: str
    symbol: str

    @classmethod
    def of(cls, instrument: Instrument) -> Contract:
        """Return what charges depend on in ``instrument``."""
        return cls(
            instrument.segment,
            contract_class(instrument),
            instrument.underlying,
            instrument.symbol,
        )


class Taxed(StrEnum):
    """The classes of trades that tax and stamp duty tell apart (market_rules.md 6.1, 6.3)."""

    DELIVERY = "delivery"
    INTRADAY = "intraday"
    ETF_DELIVERY = "ETF delivery"
    ETF_INTRADAY = "ETF intraday"
    FUTURE = "futures"
    OPTION = "options"
    COMMODITY_FUTURE = "commodity futures"
    COMMODITY_OPTION = "commodity options"
    AGRI_FUTURE = "agri futures"
    AGRI_OPTION = "agri options"

    @property
    def is_delivery(self) -> bool:
        """True where shares or units change hands for good."""
        return self in (Taxed.DELIVERY, Taxed.ETF_DELIVERY)

    @property
    def as_intraday(self) -> Taxed:
        """The class of the same trade when it is closed on the same day."""
        return _SAME_DAY.get(self, self)


_SAME_DAY: Final = {
    Taxed.DELIVERY: Taxed.INTRADAY,
    Taxed.ETF_DELIVERY: Taxed.ETF_INTRADAY,
}

_FUTURES: Final = frozenset({ContractClass.FUTIDX, ContractClass.FUTSTK})
_OPTIONS: Final = frozenset({ContractClass.OPTIDX, ContractClass.OPTSTK})
_EXCHANGES: Final = frozenset({Segment.NSE_FO, Segment.BSE_FO})
_CASH: Final = frozenset({Segment.NSE_CM, Segment.BSE_CM})


def taxed_as(contract: Contract, product: Product, tariff: Tariff) -> Taxed:
    """Return how a trade in ``contract`` under ``product`` is taxed.

    Raises ``FileError`` for what no table covers, for a product that the contract cannot be traded
    under, and for a commodity that is in neither list.
    """
    klass, segment = contract.klass, contract.segment
    if klass is ContractClass.CASH and segment in _CASH:
        return _cash(contract, product, tariff)
    covered = segment in _EXCHANGES and klass in _FUTURES | _OPTIONS
    if not covered and segment is not Segment.MCX_FO:
        raise FileError(f"{contract.symbol}: no charges are known for {klass} on {segment}")
    if product is Product.DELIVERY:
        raise FileError(
            f"{contract.symbol}: {klass} is traded as intraday or carryforward, not as delivery"
        )
    if segment is Segment.MCX_FO:
        return _commodity(contract)
    return Taxed.FUTURE if klass in _FUTURES else Taxed.OPTION


def _cash(contract: Contract, product: Product, tariff: Tariff) -> Taxed:
    is_etf = contract.underlying in tariff.etfs
    if product is Product.DELIVERY:
        return Taxed.ETF_DELIVERY if is_etf else Taxed.DELIVERY
    if product is Product.INTRADAY:
        return Taxed.ETF_INTRADAY if is_etf else Taxed.INTRADAY
    raise FileError(
        f"{contract.symbol}: a share is traded as intraday or delivery, not as {product}"
    )


def _commodity(contract: Contract) -> Taxed:
    is_option = contract.klass.is_option
    kind = COMMODITY_CLASSES.get(contract.underlying)
    if kind is None:
        raise FileError(
            f"{contract.symbol}: whether {contract.underlying} bears transaction tax is not known; "
            f"known are {', '.join(sorted(COMMODITY_CLASSES))}"
        )
    if kind is HoursClass.NON_AGRI:
        return Taxed.COMMODITY_OPTION if is_option else Taxed.COMMODITY_FUTURE
    return Taxed.AGRI_OPTION if is_option else Taxed.AGRI_FUTURE
