"""A person's word on what the engine cannot know: durable, readable by the engine, never half."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.core.client_ids import ClientIds
from engine.model.event import HumanAdjusted, HumanResolved, Resolution
from engine.runtime.inbox import Inbox
from engine.testing.market import EXPIRY, nifty_chain

TAG = ClientIds(EXPIRY, 1).next()


def test_an_order_is_settled_by_an_act_the_engine_takes_up(tmp_path: Path, engine: Any) -> None:
    words = ["resolve", TAG, "--as", "not-placed", "--why", "the book lacks it", "--who", "asha"]
    ended = engine(*words, "--state", tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert f"{TAG} is not-placed, says asha: the book lacks it" in ended.out
    (act,) = Inbox(tmp_path, nifty_chain()).take()
    assert isinstance(act, HumanResolved)
    assert (act.client_id, act.resolution) == (TAG, Resolution.NOT_PLACED)
    assert (act.who, act.why) == ("asha", "the book lacks it")
    assert act.act_id


def test_units_are_accepted_by_the_key_of_their_instrument(tmp_path: Path, engine: Any) -> None:
    catalogue = nifty_chain()
    option = next(i for i in catalogue if i.right is not None)
    words = ["resolve", option.key, "--account", "A1", "--quantity", "65", "--why", "by hand"]
    assert engine(*words, "--state", tmp_path).code == 0
    (act,) = Inbox(tmp_path, catalogue).take()
    assert isinstance(act, HumanAdjusted)
    assert (act.account, act.instrument, act.quantity) == ("A1", option, 65)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["XYZ", "--as", "cancelled", "--why", "x"], "no client id of ours"),
        ([TAG, "--as", "cancelled", "--why", " "], "--why is empty"),
        ([TAG, "--why", "x"], "--as, or accept units with --account"),
        (["NIFTY", "--account", "A", "--quantity", "5", "--why", "x"], "no instrument's key"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_leaves_nothing(
    words: list[str], said: str, tmp_path: Path, engine: Any
) -> None:
    ended = engine("resolve", *words, "--state", tmp_path)
    assert ended.code == 2
    assert said in ended.err
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, engine: Any) -> None:
    missing = tmp_path / "nowhere"
    ended = engine("resolve", TAG, "--as", "cancelled", "--why", "x", "--state", missing)
    assert ended.code == 2
    assert f"{missing}: no such folder" in ended.err
