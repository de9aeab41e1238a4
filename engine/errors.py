"""The error tree, sorted by what the caller should do.

* ``LegworkError``: the root; never raised itself
    * ``RetryLater``: nothing was done; the same call may be made again after ``delay_s``
    * ``NotSent``: provably not one byte of a request left; it may be asked for again
    * ``LoginRequired``: the broker session is gone; log in, then ask again
    * ``BrokerRefused``: the broker said no, with its own code and words; give up  (exit code 4)
    * ``OutcomeUnknown``: bytes may have left; find out, never send again
    * ``FileError``: a file or an argument is wrong; a person mends it  (exit code 2)
        * ``ConfigError``: the YAML, with file, line and key
        * ``RecordingError``: a recording or session log that cannot be used
    * ``WireError``: a frame that is not what the protocol says; counted and recorded, never fatal
    * ``OffGrid``: a price or quantity that is not on the contract's grid
    * ``Halted``: trading was stopped by risk or by a kill  (exit code 3)
    * ``VerificationFailed``: a replay differed from its log  (exit code 5)
    * ``InvariantBroken``: our own bug; stop  (exit code 70)

A risk refusal is a value (``engine.model.approval.Refusal``), not an error: it is expected.
"""

from __future__ import annotations

EXIT_DONE = 0
EXIT_FILE = 2
EXIT_HALTED = 3
EXIT_REFUSED = 4
EXIT_UNVERIFIED = 5
EXIT_BUG = 70


class LegworkError(Exception):
    """The root of the tree. ``exit_code`` is what the command line answers with."""

    exit_code = EXIT_BUG


class RetryLater(LegworkError):
    """Nothing was done; try again after ``delay_s`` seconds."""

    def __init__(self, message: str, delay_s: float) -> None:
        super().__init__(message)
        self.delay_s = delay_s


class NotSent(LegworkError):
    """Provably not one byte left: no address, no connection, no handshake."""


class LoginRequired(LegworkError):
    """The broker session has ended."""

    exit_code = EXIT_REFUSED


class BrokerRefused(LegworkError):
    """The broker said no. ``code`` and ``text`` are its own."""

    exit_code = EXIT_REFUSED

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}" if code else text)
        self.code = code
        self.text = text


class OutcomeUnknown(LegworkError):
    """Bytes may have left and no answer came: resolved by evidence, never by sending again."""


class FileError(LegworkError):
    """A file or an argument is wrong."""

    exit_code = EXIT_FILE


class ConfigError(FileError):
    """A configuration that cannot be used; the message names file, line and key."""


class RecordingError(FileError):
    """A recording or session log that cannot be used; the message names it and says why."""


class WireError(LegworkError):
    """A frame that is not what the protocol says."""


class OffGrid(LegworkError, ValueError):
    """A price or quantity that does not lie on the contract's grid, or is no number at all."""


class Halted(LegworkError):
    """Trading was stopped by a risk limit or a kill."""

    exit_code = EXIT_HALTED


class VerificationFailed(LegworkError):
    """A replay differed from its log."""

    exit_code = EXIT_UNVERIFIED


class InvariantBroken(LegworkError):
    """Something that cannot happen did: our own bug."""
