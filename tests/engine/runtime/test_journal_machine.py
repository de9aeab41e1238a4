"""The journal under everything a disk and a person can do to it, against a list of what was written.

It is read back as exactly a prefix that holds everything synced, or refused with the place named.
Damage is done to copies, so that every later step starts from something a crash may leave.
"""

from __future__ import annotations

import errno
from contextlib import suppress

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.errors import FileError
from engine.model.catalogue import Catalogue
from engine.model.record import AlertRaised, Record
from engine.runtime.clock import VirtualClock
from engine.runtime.journal import MAGIC, Journal, JournalBroken
from engine.runtime.journal_reader import JournalContent, read_journal
from engine.runtime.memory_disk import MemoryDisk

WALL = VirtualClock(7)
CATALOGUE = Catalogue()
SHARE = st.floats(0, 1)
"""Where in something, from its start to its end."""


def _place(share: float, length: int) -> int:
    return min(round(share * length), length - 1)


class JournalMachine(RuleBasedStateMachine):
    """``written`` is what stands on the disk, ``ends`` where each of it ends, byte for byte."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = MemoryDisk()
        self.journal = Journal.create(self.disk, WALL, name="journal")
        self.written: list[Record] = []
        self.ends: list[int] = []
        self.broken = False

    # -- what an engine does ---------------------------------------------------------------------

    @precondition(lambda self: not self.broken)
    @rule(text=st.text("ab\x00é", max_size=40))
    def append(self, text: str) -> None:
        record = AlertRaised(len(self.written), 1, "info", "a", text)
        assert self.journal.append(record, len(self.written)) == len(self.written) + 1
        self.written.append(record)
        self.ends.append(len(self.disk.read()))

    @precondition(lambda self: not self.broken)
    @rule()
    def sync(self) -> None:
        assert self.journal.sync() == self.journal.durable_sequence == len(self.written)

    # -- what befalls it -------------------------------------------------------------------------

    @rule(share=SHARE)
    def crash(self, share: float) -> None:
        """Power is lost; any number of the bytes that were not synced got through."""
        synced = self.disk.synced_length
        unsynced = len(self.disk.read()) - synced
        kept = round(share * unsynced)
        durable = sum(end <= synced for end in self.ends)
        self.disk = self.disk.crash(kept)
        whole = sum(end <= synced + kept for end in self.ends)
        assert whole >= durable
        self._take_up(whole)

    @precondition(lambda self: not self.broken)
    @rule()
    def stop_and_start(self) -> None:
        self.journal.close()
        self.disk = MemoryDisk(self.disk.read())
        self._take_up(len(self.written))

    @precondition(lambda self: not self.broken)
    @rule(room=st.integers(0, 120))
    def disk_is_full(self, room: int) -> None:
        self.disk.capacity = len(self.disk.read()) + room
        with suppress(JournalBroken):
            while True:
                self.append("x" * 20)
        self.broken = True

    @precondition(lambda self: not self.broken)
    @rule(number=st.sampled_from([errno.EIO, errno.ENOSPC, errno.EROFS]))
    def sync_fails(self, number: int) -> None:
        """A failed sync is never tried again, even where the disk would take it."""
        self.disk.sync_error = number
        with pytest.raises(JournalBroken):
            self.journal.sync()
        self.disk.sync_error = None
        self.broken = True

    @precondition(lambda self: self.broken)
    @rule()
    def a_broken_journal_takes_nothing_more(self) -> None:
        before = self.disk.read()
        with pytest.raises(JournalBroken):
            self.journal.append(AlertRaised(0, 1, "info", "a", "b"), 0)
        with pytest.raises(JournalBroken):
            self.journal.sync()
        assert self.disk.read() == before

    # -- what is done to a copy ------------------------------------------------------------------

    @precondition(lambda self: self.ends)
    @rule(share=SHARE, bit=st.integers(0, 7))
    def a_bit_flips(self, share: float, bit: int) -> None:
        content = bytearray(self._whole())
        place = _place(share, len(content))
        content[place] ^= 1 << bit
        hit = sum(end <= place for end in self.ends)
        if place < len(MAGIC) or hit < len(self.ends) - 1:
            self._is_refused(content)
        else:
            self._reads(content, hit)

    @precondition(lambda self: self.ends)
    @rule(share=SHARE)
    def the_end_is_cut_off(self, share: float) -> None:
        content = self._whole()[: round(share * self.ends[-1])]
        self._reads(content, sum(end <= len(content) for end in self.ends))

    @precondition(lambda self: len(self.ends) > 1)
    @rule(share=SHARE)
    def a_record_is_taken_out(self, share: float) -> None:
        content, number = self._whole(), _place(share, len(self.ends) - 1)
        self._is_refused(content[: self._start(number)] + content[self.ends[number] :])

    @precondition(lambda self: self.ends)
    @rule(share=SHARE)
    def a_record_is_put_in_twice(self, share: float) -> None:
        content, number = self._whole(), _place(share, len(self.ends))
        end = self.ends[number]
        self._is_refused(content[:end] + content[self._start(number) : end] + content[end:])

    @precondition(lambda self: len(self.ends) > 1)
    @rule(share=SHARE)
    def two_records_change_places(self, share: float) -> None:
        content, number = self._whole(), _place(share, len(self.ends) - 1)
        first, second, after = self._start(number), self.ends[number], self.ends[number + 1]
        swapped = content[second:after] + content[first:second]
        self._is_refused(content[:first] + swapped + content[after:])

    @rule(noise=st.binary(min_size=1, max_size=200))
    def noise_is_written_behind_it(self, noise: bytes) -> None:
        self._reads(self._whole() + noise, len(self.written))

    # -- what always holds -----------------------------------------------------------------------

    @invariant()
    def it_reads_back_as_it_was_written(self) -> None:
        self._reads(self.disk.read(), len(self.written))

    # -- inside ----------------------------------------------------------------------------------

    def _take_up(self, whole: int) -> None:
        """Start again on what the disk holds, which must be the first ``whole`` records."""
        content = self._reads(self.disk.read(), whole)
        del self.written[whole:], self.ends[whole:]
        self.journal = Journal.resume(self.disk, WALL, name="journal", position=content.position)
        self.broken = False
        assert self.journal.sequence == self.journal.durable_sequence == whole

    def _reads(self, content: bytes | bytearray, records: int) -> JournalContent:
        found = read_journal(MemoryDisk(bytes(content)), CATALOGUE)
        assert [entry.record for entry in found] == self.written[:records]
        length = self.ends[records - 1] if records else found.position.length
        assert found.position.length == length
        # Zeros alone are room.
        assert (found.torn is None) == (not content[length:].strip(b"\0"))
        return found

    def _is_refused(self, content: bytes | bytearray) -> None:
        with pytest.raises(FileError, match=r"byte|not a journal|format"):
            list(read_journal(MemoryDisk(bytes(content)), CATALOGUE))

    def _whole(self) -> bytes:
        """Return the content without what is not finished."""
        return self.disk.read()[: self.ends[-1] if self.ends else len(MAGIC)]

    def _start(self, number: int) -> int:
        return self.ends[number - 1] if number else len(MAGIC)


JournalMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestJournal = JournalMachine.TestCase
