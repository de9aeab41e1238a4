"""Verification proves a session, and shows the first divergence of one that was tampered with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from engine.runtime.journal import LENGTH_AND_CRC, MAGIC, checksum, hash_of
from engine.sessionlog.content import ContentHash
from engine.sessionlog.format import KIND_NAMES, RowKind, make_schema
from engine.sessionlog.reader import SessionLog
from engine.sessionlog.row import Chain, ChainedEffects, Row, Summary

Rows = list[Row]


@pytest.fixture
def session(project: Any, morning: Path) -> Any:
    """A project with one session of a straddle."""
    project.write(project.STRADDLE, tape=morning)
    assert project.cli("run", "strategies.yaml").code == 0
    return project


def _verify(project: Any) -> tuple[int, str]:
    ended = project.cli("replay", "--verify")
    assert "Traceback" not in ended.err
    return ended.code, ended.out + ended.err


def forge(path: Path, edit: Callable[[Rows], Rows], *, hides: bool = True) -> None:
    """Write a log with other rows; ``hides``: with its hash made to fit, as a careful liar would."""
    log = SessionLog.open(path)
    rows = edit([row for row in log.rows() if row.kind is not RowKind.CLOSED])
    chain, content = Chain(log.header_json), ContentHash(log.header_json)
    made = []
    for row in rows:
        payload = row.payload
        if row.kind is RowKind.EFFECTS:
            effects = bytes(msgspec.json.decode(payload, type=ChainedEffects).effects)
            payload = b'{"chain":"%s","effects":%s}' % (
                chain.add(row.seq, effects).encode(),
                effects,
            )
        made.append(row._replace(payload=payload))
    content.add(_batch(log, made))
    summary = log.summary
    assert isinstance(summary, Summary)
    closing = msgspec.structs.replace(
        summary,
        content_sha256=content.hex() if hides else summary.content_sha256,
        effects_chain=chain.hex,
        effects=sum(row.kind is RowKind.EFFECTS for row in made),
    )
    made.append(Row(RowKind.CLOSED, len(made), made[-1].at, "engine", msgspec.json.encode(closing)))
    path.unlink()
    with path.open("wb") as file, pa.ipc.new_file(file, log.schema) as writer:
        writer.write_batch(_batch(log, made))


def _batch(log: SessionLog, rows: Rows) -> pa.RecordBatch:
    names = log.header.source_names()
    schema = make_schema(log.header_json)
    return pa.RecordBatch.from_arrays(
        [
            pa.DictionaryArray.from_arrays(
                pa.array([int(row.kind) for row in rows], pa.int8()), pa.array(KIND_NAMES)
            ),
            pa.array([row.seq for row in rows], pa.int64()),
            pa.array([row.at for row in rows], pa.int64()).cast(schema.field("at").type),
            pa.DictionaryArray.from_arrays(
                pa.array([names.index(row.source) for row in rows], pa.int8()), pa.array(names)
            ),
            pa.array([row.payload for row in rows], pa.binary()),
        ],
        schema=schema,
    )


def reframe(path: Path, edit: Callable[[list[bytes]], list[bytes]]) -> None:
    """Write a journal with other payloads, its CRCs and its chain made to fit."""
    data = path.read_bytes()
    offset = len(MAGIC)
    heads, payloads = [], []
    while offset < len(data):
        length, _ = LENGTH_AND_CRC.unpack_from(data, offset)
        body = data[offset + 8 : offset + 8 + length]
        heads.append(body[:30])
        payloads.append(body[30:-16])
        offset += 8 + length
    out, before = [MAGIC], hash_of(MAGIC)
    for head, payload in zip(heads, edit(payloads), strict=False):
        body = head + payload + before
        framed = LENGTH_AND_CRC.pack(len(body), checksum(body)) + body
        out.append(framed)
        before = hash_of(framed)
    path.write_bytes(b"".join(out))


# -- what is proved --------------------------------------------------------------------------------


def test_an_untouched_session_verifies(session: Any) -> None:
    code, said = _verify(session)
    assert code == 0
    assert "led to the same" in said
    assert "note:" not in said


def test_forging_without_a_change_still_verifies(session: Any) -> None:
    forge(session.newest().log, lambda rows: rows)
    reframe(session.newest().journal, lambda payloads: payloads)
    assert _verify(session)[0] == 0


def test_whole_numbers_as_prices_verify(project: Any, morning: Path) -> None:
    # 150 and 150.0 are the same price and are not written the same.
    body = project.STRADDLE.replace(
        'name="pair")\n',
        'name="pair")\n            self.place(buy(call, 1, limit=150), name="dip")\n',
        1,
    )
    project.write(body, tape=morning)
    assert project.cli("run", "strategies.yaml").code == 0
    assert _verify(project)[0] == 0


def test_a_journal_shows_no_folder_of_this_machine(project: Any, morning: Path) -> None:
    project.write(project.STRADDLE.replace("self.exit", "self.nonsense"), tape=morning)
    assert project.cli("run", "strategies.yaml").code == 3
    written = project.newest().journal.read_bytes()
    assert b"nonsense" in written
    assert str(project.folder).encode() not in written


# -- what has changed since ------------------------------------------------------------------------


def test_a_changed_strategy_is_named_with_the_first_divergence(session: Any) -> None:
    own = session.folder / "own.py"
    own.write_text(own.read_text().replace("sell(put, 1)", "sell(put, 2)"))
    code, said = _verify(session)
    assert code == 5
    assert "is the first that differs" in said
    assert "wanted" in said
    assert "got" in said
    assert '"lots":1' in said
    assert '"lots":2' in said
    assert "note: strategy one has changed since the session" in said


def test_a_change_without_consequence_is_only_noted(session: Any) -> None:
    own = session.folder / "own.py"
    own.write_text(own.read_text() + "\n# a word more\n")
    code, said = _verify(session)
    assert code == 0
    assert "note: strategy one has changed since the session" in said


def test_a_changed_parameter_of_the_kept_configuration_differs(session: Any) -> None:
    kept = session.newest().path / "strategies.yaml"
    # A tighter limit: the group that was entered is refused.
    kept.write_text(kept.read_text().replace("max_uncovered_short_lots: 20", "max_order_lots: 1"))
    code, said = _verify(session)
    assert code == 5
    assert "note: configuration has changed since the session" in said


def test_a_broken_kept_configuration_is_a_file_to_mend(session: Any) -> None:
    kept = session.newest().path / "strategies.yaml"
    kept.write_text(kept.read_text().replace("seed: 7", "sead: 7"))
    code, said = _verify(session)
    assert code == 2
    assert "sead" in said


def test_another_recording_is_not_taken(session: Any, new_tape: Any) -> None:
    path = session.folder / "tape.arrow"
    path.unlink()
    tape = new_tape(start="09:15:55")
    tape.walk("09:17:00", seed=2)
    tape.write(path)
    code, said = _verify(session)
    assert code == 5
    assert "not the recording this session ran on" in said


@pytest.mark.parametrize(("hides", "code"), [(True, 5), (False, 2)])
def test_a_recording_with_another_price_is_not_taken(
    session: Any, code: int, *, hides: bool
) -> None:
    def edit(rows: Rows) -> Rows:
        row = rows[500]
        rows[500] = row._replace(payload=row.payload[:43] + b"\x05" + row.payload[44:])
        return rows

    forge(session.folder / "tape.arrow", edit, hides=hides)
    found, said = _verify(session)
    assert found == code
    assert "tape.arrow" in said


def test_a_missing_recording_is_a_file_to_mend(session: Any) -> None:
    (session.folder / "tape.arrow").unlink()
    code, said = _verify(session)
    assert code == 2
    assert "tape.arrow" in said


# -- a tampered log --------------------------------------------------------------------------------


def _first(rows: Rows, kind: RowKind, holds: bytes = b"") -> int:
    return next(i for i, row in enumerate(rows) if row.kind is kind and holds in row.payload)


@pytest.mark.parametrize(
    ("written", "edited"),
    [(b'"purpose":"entry"', b'"purpose":"hedge"'), (b'"type":"Kept","records":', b'"records":1')],
)
def test_edited_effects_are_the_first_divergence(
    session: Any, written: bytes, edited: bytes
) -> None:
    def edit(rows: Rows) -> Rows:
        place = _first(rows, RowKind.EFFECTS, written)
        row = rows[place]
        rows[place] = row._replace(payload=row.payload.replace(written, edited, 1))
        return rows

    forge(session.newest().log, edit)
    code, said = _verify(session)
    assert code == 5
    assert "of its effects" in said
    assert edited.decode() in said.split("wanted")[1].split("got")[0]


@pytest.mark.parametrize("kind", [RowKind.EFFECTS, RowKind.DISPATCH_EVENT, RowKind.DISPATCH_FRAMES])
@pytest.mark.parametrize("which", [0, 3, -1])
def test_a_removed_row_differs(session: Any, kind: RowKind, which: int) -> None:
    def edit(rows: Rows) -> Rows:
        places = [i for i, row in enumerate(rows) if row.kind is kind]
        place = places[which]
        return rows[:place] + rows[place + 1 :]

    forge(session.newest().log, edit)
    code, said = _verify(session)
    assert code == 5, said
    assert "wanted" in said


def test_a_frame_row_of_another_frame_differs(session: Any) -> None:
    def edit(rows: Rows) -> Rows:
        place = _first(rows, RowKind.DISPATCH_FRAMES)
        row = rows[place]
        rows[place] = row._replace(payload=b'{"first_frame":99999,"count":1}')
        return rows

    forge(session.newest().log, edit)
    code, said = _verify(session)
    assert code == 2
    assert "past the recording" in said


def test_an_event_of_another_engine_differs(session: Any) -> None:
    def edit(rows: Rows) -> Rows:
        place = _first(rows, RowKind.DISPATCH_EVENT)
        rows[place] = rows[place]._replace(payload=b'{"type":"JournalDurable","sequence":2}')
        return rows

    forge(session.newest().log, edit)
    code, said = _verify(session)
    assert code == 5
    assert "event 1 is none that this engine knows" in said


def test_a_careless_edit_is_damage(session: Any) -> None:
    log = session.newest().log
    data = log.read_bytes()
    middle = len(data) // 2
    log.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    code, said = _verify(session)
    assert code == 2
    assert "copy" in said


# -- a tampered journal ----------------------------------------------------------------------------


def test_an_edited_journal_record_differs(session: Any) -> None:
    def edit(payloads: list[bytes]) -> list[bytes]:
        place = next(i for i, p in enumerate(payloads) if b'"OrderFilled"' in p)
        payloads[place] = payloads[place].replace(b'"quantity":65', b'"quantity":60')
        return payloads

    reframe(session.newest().journal, edit)
    code, said = _verify(session)
    assert code == 5
    assert "journal record" in said
    assert '"quantity":60' in said


@pytest.mark.parametrize(
    "edit",
    [lambda payloads: payloads[:-1], lambda payloads: [*payloads[:-2], payloads[-1]]],
    ids=["its last record", "one before"],
)
def test_a_record_that_was_taken_out_is_missed(
    session: Any, edit: Callable[[list[bytes]], list[bytes]]
) -> None:
    reframe(session.newest().journal, edit)
    code, said = _verify(session)
    assert code == 5
    assert "wanted" in said


def test_a_careless_edit_of_the_journal_is_damage(session: Any) -> None:
    path = session.newest().journal
    path.write_bytes(path.read_bytes().replace(b'"quantity":65', b'"quantity":60', 1))
    code, said = _verify(session)
    assert code == 2
    assert "damaged" in said


# -- a torn log ------------------------------------------------------------------------------------


def test_a_torn_log_verifies_to_its_last_whole_row(session: Any) -> None:
    folder = session.newest()
    whole = SessionLog.open(folder.log)
    rows = list(whole.rows())
    stream = folder.path / "stream"
    schema = whole.schema
    with stream.open("wb") as file, pa.ipc.new_stream(file, schema) as writer:
        for start in range(0, len(rows), 20):
            writer.write_batch(_batch(whole, rows[start : start + 20]))
    data = stream.read_bytes()
    stream.unlink()
    header_only = _length_of_header(data)
    last = len(data) - 900
    for cut in (header_only, *range(last, len(data), 97), len(data) - 9):
        folder.log.write_bytes(data[:cut])
        code, said = _verify(session)
        assert (code, "verified to its last whole row" in said) == (0, True), cut


def test_a_log_that_ends_between_an_event_and_its_answer_is_no_other_one(session: Any) -> None:
    folder = session.newest()
    whole = SessionLog.open(folder.log)
    rows = list(whole.rows())
    answers = [place for place, row in enumerate(rows) if row.kind is RowKind.EFFECTS]
    for place in (answers[0], answers[5], answers[-1]):
        _write_stream(whole, folder.log, rows[:place])
        code, said = _verify(session)
        assert (code, "verified to its last whole row" in said) == (0, True), said


def test_records_that_the_log_counts_and_the_journal_lost_are_told(session: Any) -> None:
    folder = session.newest()
    whole = SessionLog.open(folder.log)
    _write_stream(whole, folder.log, list(whole.rows())[:-1])
    reframe(folder.journal, lambda payloads: payloads[:-3])
    code, said = _verify(session)
    assert code == 0
    assert "the journal ends 3 records before the log" in said


def _write_stream(log: SessionLog, path: Path, rows: Rows) -> None:
    """Write rows as a writer does that was killed behind them."""
    path.unlink()
    with path.open("wb") as file, pa.ipc.new_stream(file, log.schema) as writer:
        writer.write_batch(_batch(log, rows))


def _length_of_header(data: bytes) -> int:
    with pa.BufferReader(data) as source:
        pa.ipc.MessageReader.open_stream(source).read_next_message()
        return int(source.tell())


def test_a_recording_is_no_session(project: Any, morning: Path) -> None:
    project.write(project.STRADDLE, tape=morning)
    assert project.cli("run", "strategies.yaml").code == 0
    shutil.copy(morning, project.newest().log)
    code, said = _verify(project)
    assert code == 2
    assert "a recording, not a session" in said


def test_without_a_session_there_is_nothing_to_verify(project: Any) -> None:
    code, said = _verify(project)
    assert code == 2
    assert "engine run" in said


def test_a_session_can_be_run_again(session: Any) -> None:
    ended = session.cli("replay")
    assert (ended.code, ended.err) == (0, "")
    first, second = session.sessions()
    assert first.name[:-2] == second.name[:-2]
    assert (first / "strategies.yaml").read_bytes() == (second / "strategies.yaml").read_bytes()
