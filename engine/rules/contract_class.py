"""What the rules call a contract: index or stock, future or option, commodity or cash."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import Final

from engine.model.instrument import Instrument, Kind, Segment

INDEX_UNDERLYINGS: Final = frozenset(
    {
        "NIFTY",
        "BANKNIFTY",
        "FINNIFTY",
        "MIDCPNIFTY",
        "NIFTYNXT50",
        "SENSEX",
        "BANKEX",
        "SENSEX50",
    }
)
"""The indices with derivatives on NSE and BSE (market_rules.md section 3); all else is a stock."""


class ContractClass(StrEnum):
    """The exchanges' instrument types, as their circulars name the classes that rules differ by."""

    INDEX = "INDEX"
    CASH = "CASH"
    FUTIDX = "FUTIDX"
    FUTSTK = "FUTSTK"
    OPTIDX = "OPTIDX"
    OPTSTK = "OPTSTK"
    FUTCOM = "FUTCOM"
    OPTFUT = "OPTFUT"
    FUTCUR = "FUTCUR"
    OPTCUR = "OPTCUR"

    @property
    def is_option(self) -> bool:
        """True for options of any kind."""
        return self in _OPTIONS


_OPTIONS: Final = frozenset(
    {ContractClass.OPTIDX, ContractClass.OPTSTK, ContractClass.OPTFUT, ContractClass.OPTCUR}
)

_FUTURE_AND_OPTION: Final = {
    Segment.MCX_FO: (ContractClass.FUTCOM, ContractClass.OPTFUT),
    Segment.NCX_FO: (ContractClass.FUTCOM, ContractClass.OPTFUT),
    Segment.CDE_FO: (ContractClass.FUTCUR, ContractClass.OPTCUR),
}
_ON_INDEX: Final = (ContractClass.FUTIDX, ContractClass.OPTIDX)
_ON_STOCK: Final = (ContractClass.FUTSTK, ContractClass.OPTSTK)


@lru_cache(maxsize=1024)
def contract_class(instrument: Instrument) -> ContractClass:
    """Return the class of ``instrument``, worked out once: several rules ask for each order."""
    if instrument.kind is Kind.INDEX:
        return ContractClass.INDEX
    if instrument.kind is Kind.EQUITY:
        return ContractClass.CASH
    if instrument.segment in _FUTURE_AND_OPTION:
        future, option = _FUTURE_AND_OPTION[instrument.segment]
    elif instrument.underlying in INDEX_UNDERLYINGS:
        future, option = _ON_INDEX
    else:
        future, option = _ON_STOCK
    return option if instrument.kind is Kind.OPTION else future
