"""The hash of what a restart restores: equal in a live kernel and in its fold, moved by all of it."""

from __future__ import annotations

from typing import Any

import pytest

from engine import GroupState, buy, sell
from engine.core.checkpoint import require_same
from engine.core.restore import Restore
from engine.core.state_digest import FORM, StateDigest
from engine.errors import FileError
from engine.model.event import Armed, HumanAdjusted, KillMode, KillTripped, ReplyOutcome
from engine.model.order import Product
from engine.model.order_update import RemoteStatus
from engine.model.record import Checkpoint
from tests.engine.core.live_kernel import LiveKernel

R = RemoteStatus


def sections(live: LiveKernel) -> dict[str, str]:
    return StateDigest(live.kernel).sections()


def require_same_after_fold(live: LiveKernel) -> None:
    """Hold a live kernel against one that is taken up from its journal, not started."""
    assert sections(live.restart()) == sections(live)


def straddle(live: LiveKernel) -> list[str]:
    return live.enter(sell(live.call, 1), sell(live.put, 1))


def filled(live: LiveKernel) -> list[str]:
    ours = straddle(live)
    fill(live, *ours)
    return ours


def fill(live: LiveKernel, *client_ids: str) -> None:
    for client_id in client_ids:
        live.update(live.row(client_id, R.FILLED, 65, broker_id=f"X{client_id}"))


def stuck(live: LiveKernel) -> None:
    first, second = straddle(live)
    fill(live, first)
    live.lose(second)
    assert live.group().state is GroupState.STUCK
    live.ask(lambda s: s.exit("g"))


def left(live: LiveKernel) -> None:
    filled(live)
    sent = len(live.placed)
    live.ask(lambda s: s.exit("g"))
    fill(live, *live.placed[sent:])
    assert live.group().state is GroupState.CLOSED


def taken_back(live: LiveKernel) -> str:
    (ours,) = live.enter(buy(live.call, 1))
    shown = f"X{ours}"
    live.update(live.row(ours, R.OPEN, broker_id=shown))
    live.ask(lambda s: s.cancel("g"))
    live.update(live.row(ours, R.CANCELLED, broker_id=shown))
    assert live.group().is_done
    return ours


def filled_late(live: LiveKernel) -> None:
    fill(live, taken_back(live))
    live.tick()


def killed(live: LiveKernel) -> None:
    filled(live)
    live.tell(KillTripped("all", KillMode.FLATTEN, "asha", "enough"))


def armed(live: LiveKernel) -> None:
    killed(live)
    live.tell(Armed("all", "asha", "seen to"))


def killed_and_then_filled_late(live: LiveKernel) -> None:
    ours = taken_back(live)
    live.tell(KillTripped("all", KillMode.FLATTEN, "asha", "enough"))
    fill(live, ours)


def halted(live: LiveKernel) -> None:
    filled(live)
    live.ask(lambda _: 1 / 0)


def remembered(live: LiveKernel) -> None:
    live.ask(lambda s: s.state.notes.append("something"))


def strangers(live: LiveKernel) -> None:
    live.update(live.stranger("S1", R.FILLED, 65))
    live.tell(HumanAdjusted("A1", live.put, Product.INTRADAY, 65, "asha", "mine", "act-1"))


def withdrawn(live: LiveKernel) -> None:
    first, _ = straddle(live)
    fill(live, first)
    live.ask(lambda s: s.cancel("g"))


def repriced(live: LiveKernel) -> None:
    live.enter(buy(live.call, 1, limit=90.0))
    live.ask(lambda s: s.modify("g", limit=91.0))


def refused(live: LiveKernel) -> None:
    live.enter(sell(live.call, 1_000))


def rejected(live: LiveKernel) -> None:
    (ours,) = live.enter(buy(live.call, 1), retries=0)
    live.reply(ours, ReplyOutcome.REFUSED, text="RMS: margin")
    assert live.kernel.halting.rejections() == {"puppet": 1}


def rejected_and_armed(live: LiveKernel) -> None:
    rejected(live)
    live.tell(Armed("puppet", "asha", "seen to"))


def remembering(live: LiveKernel) -> StateDigest:
    """Return a digest that is shown every record."""
    digest = StateDigest(live.kernel)
    live.kernel.desk.on_record = digest.note
    return digest


STORIES = [
    straddle, filled, stuck, left, filled_late, killed, armed, killed_and_then_filled_late, halted,
    remembered, strangers, withdrawn, repriced, refused, rejected, rejected_and_armed,
]  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_a_live_kernel_and_its_fold_have_the_same_hash(story: Any) -> None:
    live = LiveKernel().ready()
    before = sections(live)
    story(live)
    assert sections(live) != before
    require_same_after_fold(live)


@pytest.mark.parametrize("story", STORIES)
def test_and_so_have_the_next_life_and_its_fold(story: Any) -> None:
    live = LiveKernel().ready()
    story(live)
    again = live.restart()
    again.start()
    require_same_after_fold(again)


def test_a_digest_that_remembers_gives_what_one_that_does_not_gives() -> None:
    live = LiveKernel(max_legs=4).ready()
    digest = remembering(live)
    for story in (filled_late, straddle, filled, remembered, strangers):
        live.wait(5)
        live.tick()
        story(live)
        assert digest.sections() == sections(live), story.__name__


def test_the_group_that_a_late_fill_opened_and_that_closed_again_is_hashed_again() -> None:
    live = LiveKernel().ready()
    ours = taken_back(live)
    digest = remembering(live)
    digest.sections()
    fill(live, ours)
    live.tick()
    live.wait(2)
    fill(live, *live.placed[1:])
    assert live.group().is_done
    assert digest.sections() == sections(live)


# -- checkpoints in a journal --------------------------------------------------------------------


def checked(live: LiveKernel) -> Checkpoint:
    record = Checkpoint(live.now, live.kernel.desk.kseq, FORM, sections(live))
    live.journal.append(record, live.now)
    return record


def test_a_checkpoint_that_holds_lets_the_fold_go_on() -> None:
    live = LiveKernel().ready()
    filled(live)
    checked(live)
    left(live)
    checked(live)
    require_same_after_fold(live)


@pytest.mark.parametrize(
    "section", ["orders", "groups", "ledger", "strategies", "rejections", "units"]
)
def test_one_that_does_not_hold_says_where_what_and_what_to_do(section: str) -> None:
    live = LiveKernel().ready()
    filled(live)
    wrong = Checkpoint(live.now, 1, FORM, {**sections(live), section: "00"})
    live.journal.append(wrong, live.now)
    with pytest.raises(FileError) as caught:
        live.restart()
    text = str(caught.value)
    assert f"record {live.journal.sequence}, the checkpoint of 10:00:00" in text
    assert f"then, in {section}." in text
    assert "put" in text.casefold()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"form": FORM + 1}, f"in form {FORM + 1}, this version of the engine in form {FORM}"),
        ({"sections": {"moods": "00"}}, "moods"),
        ({"sections": {}}, "orders"),
    ],
)
def test_a_checkpoint_of_another_kind_vouches_for_nothing(
    change: dict[str, Any], words: str
) -> None:
    live = LiveKernel().ready()
    facts = {"at": live.now, "kseq": 1, "form": FORM, "sections": sections(live)}
    with pytest.raises(FileError, match=words):
        require_same(Checkpoint(**(facts | change)), sections(live), 7)


def test_a_fold_compares_at_the_checkpoint_and_not_at_the_end() -> None:
    live = LiveKernel().ready()
    straddle(live)
    record = checked(live)
    filled(live)
    restore = Restore(LiveKernel().kernel)
    with pytest.raises(FileError):
        restore.take(record, live.now)
