"""Contracts and trades to charge."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from engine.model.instrument import Segment
from engine.model.order import Product
from engine.model.side import Side
from engine.rules.charges import Contract, Traded
from engine.rules.contract_class import ContractClass

Make = Callable[..., Traded]

CONTRACTS = {
    "NSE share": Contract(Segment.NSE_CM, ContractClass.CASH, "SBIN", "SBIN"),
    "BSE share": Contract(Segment.BSE_CM, ContractClass.CASH, "SBIN", "SBIN"),
    "NSE fund": Contract(Segment.NSE_CM, ContractClass.CASH, "NIFTYBEES", "NIFTYBEES"),
    "NSE future": Contract(Segment.NSE_FO, ContractClass.FUTIDX, "NIFTY", "NIFTY FUT"),
    "NSE stock future": Contract(Segment.NSE_FO, ContractClass.FUTSTK, "SBIN", "SBIN FUT"),
    "NSE option": Contract(Segment.NSE_FO, ContractClass.OPTIDX, "NIFTY", "NIFTY 24000 CE"),
    "NSE stock option": Contract(Segment.NSE_FO, ContractClass.OPTSTK, "SBIN", "SBIN 800 CE"),
    "BSE future": Contract(Segment.BSE_FO, ContractClass.FUTIDX, "SENSEX", "SENSEX FUT"),
    "BSE SENSEX option": Contract(
        Segment.BSE_FO, ContractClass.OPTIDX, "SENSEX", "SENSEX 80000 CE"
    ),
    "BSE BANKEX option": Contract(
        Segment.BSE_FO, ContractClass.OPTIDX, "BANKEX", "BANKEX 60000 CE"
    ),
    "BSE SENSEX50 option": Contract(
        Segment.BSE_FO, ContractClass.OPTIDX, "SENSEX50", "SENSEX50 25000 CE"
    ),
    "BSE stock option": Contract(Segment.BSE_FO, ContractClass.OPTSTK, "SBIN", "SBIN 800 CE"),
    "MCX future": Contract(Segment.MCX_FO, ContractClass.FUTCOM, "CRUDEOIL", "CRUDEOIL FUT"),
    "MCX option": Contract(Segment.MCX_FO, ContractClass.OPTFUT, "CRUDEOIL", "CRUDEOIL 5400 CE"),
    "MCX farm future": Contract(Segment.MCX_FO, ContractClass.FUTCOM, "KAPAS", "KAPAS FUT"),
    "MCX farm option": Contract(Segment.MCX_FO, ContractClass.OPTFUT, "KAPAS", "KAPAS 1500 CE"),
    "MCX unheard of": Contract(Segment.MCX_FO, ContractClass.FUTCOM, "COAL", "COAL FUT"),
    "currency": Contract(Segment.CDE_FO, ContractClass.FUTCUR, "USDINR", "USDINR FUT"),
    "index": Contract(Segment.NSE_CM, ContractClass.INDEX, "NIFTY", "NIFTY"),
}


@pytest.fixture
def contracts() -> dict[str, Contract]:
    return CONTRACTS


@pytest.fixture
def made() -> Make:
    """Make an executed order: ``made("NSE option", "SELL", 65, "120")``."""

    def make(
        name: str,
        side: str,
        quantity: int,
        price: str,
        product: Product = Product.INTRADAY,
        *,
        is_square_off: bool = False,
    ) -> Traded:
        return Traded(
            contract=CONTRACTS[name],
            side=Side(side),
            product=product,
            quantity=quantity,
            value=Decimal(price) * quantity,
            is_square_off=is_square_off,
        )

    return make
