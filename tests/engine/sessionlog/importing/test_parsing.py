"""A time that there is not cannot be read, whatever the format makes of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from engine.sessionlog.importing.mapping import FieldSource
from engine.sessionlog.importing.parsing import as_times

FEB_28 = datetime(2026, 2, 28, 3, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    ("form", "no_time", "time"),
    [
        ("%d-%m-%Y %H:%M", "31-02-2026 09:15", "28-02-2026 09:15"),
        ("%d/%m/%y %I:%M %p", "29/2/26 9:15 am", "28/2/26 9:15 am"),
        ("%d %b %Y %H:%M:%S", "31 feb 2026 09:15:00", "28 feb 2026 9:15:00"),
        ("%Y%m%d %H:%M%z", "20260231 09:15+0530", "20260228 09:15+05:30"),
    ],
)
def test_a_day_that_there_is_not_is_no_time(form: str, no_time: str, time: str) -> None:
    column = pa.array([no_time, time, None, "31 Nonsense"])
    source = FieldSource(column="time", format=form)
    read = as_times([column], source, "Asia/Kolkata", "a.csv: time").to_pylist()
    assert read == [None, int(FEB_28.timestamp()) * 10**9, None, None]
