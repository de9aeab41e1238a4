from datetime import date
from decimal import Decimal

import pytest

from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Kind, Right, Segment
from engine.rules.contract_class import ContractClass, contract_class

EXPIRY = date(2026, 8, 25)

CASES = [
    (Segment.NSE_CM, Kind.INDEX, "NIFTY", ContractClass.INDEX),
    (Segment.NSE_CM, Kind.EQUITY, "SBIN", ContractClass.CASH),
    (Segment.NSE_FO, Kind.FUTURE, "NIFTY", ContractClass.FUTIDX),
    (Segment.NSE_FO, Kind.FUTURE, "SBIN", ContractClass.FUTSTK),
    (Segment.NSE_FO, Kind.OPTION, "BANKNIFTY", ContractClass.OPTIDX),
    (Segment.NSE_FO, Kind.OPTION, "SBIN", ContractClass.OPTSTK),
    (Segment.BSE_FO, Kind.FUTURE, "SENSEX", ContractClass.FUTIDX),
    (Segment.BSE_FO, Kind.OPTION, "BANKEX", ContractClass.OPTIDX),
    (Segment.MCX_FO, Kind.FUTURE, "CRUDEOIL", ContractClass.FUTCOM),
    (Segment.MCX_FO, Kind.OPTION, "CRUDEOIL", ContractClass.OPTFUT),
    (Segment.CDE_FO, Kind.FUTURE, "USDINR", ContractClass.FUTCUR),
    (Segment.CDE_FO, Kind.OPTION, "USDINR", ContractClass.OPTCUR),
]


@pytest.mark.parametrize(("segment", "kind", "underlying", "expected"), CASES)
def test_a_contract_has_the_class_its_exchange_names(
    segment: Segment, kind: Kind, underlying: str, expected: ContractClass
) -> None:
    is_option = kind is Kind.OPTION
    instrument = Catalogue().intern(
        InstrumentFacts(
            segment=segment,
            kind=kind,
            underlying=underlying,
            expiry=EXPIRY if kind in (Kind.FUTURE, Kind.OPTION) else None,
            strike=Decimal(100) if is_option else None,
            right=Right.CALL if is_option else None,
        )
    )
    assert contract_class(instrument) is expected
    assert expected.is_option is is_option
