"""Acts in a state folder: in order, once, and never skipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.model.codec import encode
from engine.model.event import Armed, HumanAdjusted
from engine.model.order import Product
from engine.runtime.inbox import Inbox
from engine.testing import nifty_chain


def _armed(why: str) -> bytes:
    return encode(Armed("all", "asha", why, why))


def test_acts_come_in_the_order_they_were_asked_for_and_only_once(tmp_path: Path) -> None:
    for number in range(12):
        Inbox(tmp_path).put(_armed(str(number)))
    inbox = Inbox(tmp_path)
    assert [act.why for act in inbox.take()] == [str(number) for number in range(12)]
    assert not list(inbox.take())


def test_an_act_outlives_an_engine_that_died_before_it_was_journaled(tmp_path: Path) -> None:
    Inbox(tmp_path).put(_armed("one"))
    assert len(list(Inbox(tmp_path).take())) == 1
    again = Inbox(tmp_path)
    assert len(list(again.take())) == 1
    again.done()
    assert not list(Inbox(tmp_path).take())


def test_done_forgets_what_was_taken_and_nothing_asked_for_since(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.put(_armed("one"))
    assert len(list(inbox.take())) == 1
    Inbox(tmp_path).put(_armed("two"))
    inbox.done()
    assert [act.why for act in inbox.take()] == ["two"]


def test_of_two_people_at_the_same_moment_both_are_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def overtaken(draft: Path, path: Path) -> None:
        monkeypatch.setattr(os, "link", link)
        Inbox(tmp_path).put(_armed("the other"))
        link(draft, path)

    monkeypatch.setattr(os, "link", overtaken)
    Inbox(tmp_path).put(_armed("the one"))
    assert [act.why for act in Inbox(tmp_path).take()] == ["the other", "the one"]
    assert not list(tmp_path.glob("inbox/*.new"))


def test_an_act_that_cannot_be_read_is_named_and_stays(tmp_path: Path) -> None:
    path = Inbox(tmp_path).put(b'{"type":"Armed","scope":')
    Inbox(tmp_path).put(_armed("behind it"))
    inbox = Inbox(tmp_path)
    for unread in (1, 0):
        assert [act.why for act in inbox.take()] == ["behind it"][:unread]
        assert len(inbox.unread()) == unread
    inbox.done()
    assert path.exists()
    path.write_bytes(_armed("put right"))
    assert [act.why for act in inbox.take()] == ["put right"]


def test_an_act_about_a_contract_nobody_knows_names_it(tmp_path: Path) -> None:
    instrument = nifty_chain().find("NIFTY 25AUG26 24300 CE")
    act = HumanAdjusted("A1", instrument, Product.INTRADAY, 65, "asha", "by hand", "a")
    Inbox(tmp_path).put(encode(act))
    inbox = Inbox(tmp_path)
    assert not list(inbox.take())
    (text,) = inbox.unread()
    assert "00000001.act: nothing was done: " in text
    assert instrument.key in text


def test_a_file_of_another_name_keeps_nobody_from_asking(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.put(_armed("one"))
    (tmp_path / "inbox" / "copy of 00000001.act").write_bytes(_armed("a copy"))
    assert inbox.put(_armed("two")).name == "00000002.act"


def test_nothing_asked_for_is_nothing_to_do(tmp_path: Path) -> None:
    assert not list(Inbox(tmp_path).take())
