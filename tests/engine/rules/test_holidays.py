from engine.rules import holidays


def test_every_holiday_is_a_weekday_inside_the_tables() -> None:
    tables = (
        holidays.EQUITY_HOLIDAYS
        | holidays.COMMODITY_CLOSED
        | holidays.COMMODITY_MORNING_CLOSED
        | holidays.COMMODITY_EVENING_CLOSED
    )
    for day in tables:
        assert day.weekday() < 5, day
        assert holidays.FIRST_DAY <= day <= holidays.LAST_DAY


def test_the_commodity_tables_do_not_overlap() -> None:
    closed = holidays.COMMODITY_CLOSED
    morning = holidays.COMMODITY_MORNING_CLOSED
    evening = holidays.COMMODITY_EVENING_CLOSED
    assert not closed & morning
    assert not closed & evening
    assert not morning & evening


def test_every_special_session_is_on_a_day_that_is_otherwise_closed() -> None:
    for special in holidays.EQUITY_SPECIAL_SESSIONS:
        is_weekend = special.day.weekday() >= 5
        assert is_weekend or special.day in holidays.EQUITY_HOLIDAYS
