"""What stands before a run is passed over by the collector, and only while the run lasts."""

from __future__ import annotations

import gc

import pytest

from engine.runtime.heap import YOUNG_MAX, settled_heap


def test_what_exists_is_passed_over_until_the_end() -> None:
    assert gc.get_freeze_count() == 0
    before = [[]]
    with settled_heap():
        assert gc.get_freeze_count() > 1000
        later = [[]]
        tracked = gc.get_objects()
        assert any(o is later for o in tracked)
        assert not any(o is before for o in tracked)
    assert gc.get_freeze_count() == 0


def test_it_ends_when_the_run_is_broken_off() -> None:
    with pytest.raises(ValueError, match="broken"), settled_heap():
        raise ValueError("broken")
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize(("asked", "during"), [(700, YOUNG_MAX), (50_000, 50_000), (0, 0)])
def test_young_objects_are_looked_through_seldom_unless_somebody_asked_for_it(
    asked: int, during: int
) -> None:
    before = gc.get_threshold()
    gc.set_threshold(asked)
    try:
        with settled_heap():
            assert gc.get_threshold()[0] == during
        assert gc.get_threshold()[0] == asked
    finally:
        gc.set_threshold(*before)
