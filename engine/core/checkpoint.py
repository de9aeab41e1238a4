"""Whether the records before a checkpoint lead to what the engine had when it wrote it.

A difference is never gone on with: what is held and what was sent would be guessed.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.core.state_digest import FORM
from engine.errors import FileError
from engine.model.record import Checkpoint
from engine.rules.clock_time import clock_text

_WHAT_TO_DO = (
    "Nothing was changed and nothing is sent. Look up what is open at the broker. Put the journal "
    "back from a copy, or start the version of the engine that wrote it; failing both, settle what "
    "is open by hand, move this journal aside and start with a new one"
)


def require_same(record: Checkpoint, found: Mapping[str, str], sequence: int) -> None:
    """Raise ``FileError`` when a fold up to record ``sequence`` gives other sections than it says.

    A checkpoint of another form, or with a section that is not known here, vouches for nothing.
    """
    where = f"record {sequence}, the checkpoint of {clock_text(record.at)}"
    if record.form != FORM:
        raise FileError(
            f"{where}: it hashes the state in form {record.form}, this version of the engine in "
            f"form {FORM}: they cannot be compared. {_WHAT_TO_DO}"
        )
    if record.sections.keys() != found.keys():
        odd = ", ".join(sorted(record.sections.keys() ^ found.keys()))
        raise FileError(
            f"{where}: it and this engine differ in what it is about: {odd}. {_WHAT_TO_DO}"
        )
    differing = [name for name, wanted in record.sections.items() if found[name] != wanted]
    if differing:
        raise FileError(
            f"{where}: the records before it do not lead to what the engine had then, in "
            f"{', '.join(differing)}. A record was changed, or this version reads one otherwise. "
            f"{_WHAT_TO_DO}"
        )
