"""How the machine kept up with a run: wall time, kept beside the session and in no comparison."""

from __future__ import annotations

from pathlib import Path

import msgspec

from engine.errors import FileError


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """One run in wall time.

    ``took_s`` is from its first frame to its last; ``longest_callback_ms`` the longest that
    decoding, kernel and hooks went on without giving way to the screen.
    """

    took_s: float
    frames: int
    events: int
    longest_callback_ms: float

    def facts(self) -> list[tuple[str, str]]:
        """Return names and figures for a person."""
        rate = self.frames / self.took_s if self.took_s else 0.0
        return [
            ("the run took", f"{self.took_s:.2f} s"),
            ("frames a second", f"{rate:,.0f}"),
            ("events", f"{self.events:,}"),
            ("longest callback (decoding and hooks)", f"{self.longest_callback_ms:,.1f} ms"),
        ]

    def write(self, path: Path) -> None:
        """Keep it. Raises ``OSError``."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self)) + b"\n")


def machine_of(path: Path) -> Machine | None:
    """Return what a run kept at ``path``, None where it kept nothing. Raises ``FileError``."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return msgspec.json.decode(data, type=Machine)
    except msgspec.DecodeError as error:
        raise FileError(
            f"{path}: not what a run writes there ({error}); delete it, nothing depends on it"
        ) from error
