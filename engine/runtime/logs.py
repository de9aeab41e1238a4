"""Log lines, and what must never stand in one.

Three nets, since each has holes (reliability.md, "In memory/logs"): keys that name a secret, the
values of the secrets this process holds, in the forms in which they travel, and the queries of
URLs. Tokens that look like tokens (JWT, ``Bearer``) go as well.
"""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO
from urllib.parse import quote, quote_plus

import structlog

from engine.model.effect import Say
from engine.model.visible import visible
from engine.ports import Clock
from engine.rules.clock_time import clock_text

HIDDEN: Final = "***"

# Compared without case and punctuation, so that x-api-key, apiKey and API_KEY are one.
SECRET_KEYS: Final = frozenset(
    {
        "accesstoken", "apijwt", "apikey", "apisecret", "authorization", "checksum",
        "clientsecret", "cookie", "credentials", "enckey", "etoken", "feedtoken", "jwt",
        "jwttoken", "mpin", "ordertoken", "otp", "passphrase", "passwd", "password", "pin",
        "privatekey", "pwd", "refreshtoken", "secret", "sessiontoken", "setcookie",
        "susertoken", "token", "totp", "totpsecret", "usersession", "xapikey", "xapitoken",
        "xfeedtoken", "xprivatekey",
    }
)  # fmt: skip

# A shorter secret (a four-digit PIN) is also a quantity or a price; its key is what hides it.
MIN_SECRET_CHARS: Final = 6

_QUERY: Final = re.compile(r"(?P<head>[?&;](?P<key>[A-Za-z0-9_.\-]+)=)(?P<value>[^&\s#\"'<>]*)")
_PAIR: Final = re.compile(
    r"(?P<head>[\"']?(?P<key>[A-Za-z][A-Za-z0-9_\-]*)[\"']?\s*[:=]\s*[\"'])(?P<value>[^\"']*)"
)
_JWT: Final = re.compile(r"eyJ[A-Za-z0-9_\-]{5,}(?:\.[A-Za-z0-9_\-]*){1,2}")
_BEARER: Final = re.compile(r"(?i)\b(?P<head>(?:bearer|basic)\s+)[A-Za-z0-9._~+/=\-]{6,}")


def is_secret_key(key: str) -> bool:
    """Return True when ``key`` names something that must not be shown."""
    return "".join(c for c in key.lower() if c.isalnum()) in SECRET_KEYS


class Redactor:
    """Takes secrets out of whatever is about to be written down."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._live: re.Pattern[str] | None = None

    def learn(self, secret: str) -> None:
        """Hide ``secret`` from now on, plain, URL-encoded and in base64.

        Raises ``ValueError`` for one that is too short to be told from a figure.
        """
        if len(secret) < MIN_SECRET_CHARS:
            raise ValueError(
                f"a secret of fewer than {MIN_SECRET_CHARS} characters hides by key only"
            )
        self._forms |= {secret, quote(secret, safe=""), quote_plus(secret), *_base64_forms(secret)}
        longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
        self._live = re.compile("|".join(re.escape(form) for form in longest_first))

    def text(self, text: str) -> str:
        """Return ``text`` without secrets."""
        if self._live is not None:
            text = self._live.sub(HIDDEN, text)
        text = _JWT.sub(HIDDEN, text)
        text = _BEARER.sub(rf"\g<head>{HIDDEN}", text)
        text = _QUERY.sub(_hide_if_secret, text)
        return _PAIR.sub(_hide_if_secret, text)

    def clean(self, value: Any) -> Any:
        """Return ``value`` without secrets, however deep they sit. Tuples and sets become lists."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, (bytes, bytearray)):
            return self.text(bytes(value).decode("utf-8", "backslashreplace"))
        if isinstance(value, Mapping):
            return {
                self.text(str(key)): HIDDEN if is_secret_key(str(key)) else self.clean(inner)
                for key, inner in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self.clean(inner) for inner in value]
        if isinstance(value, (set, frozenset)):
            return sorted((self.clean(inner) for inner in value), key=repr)
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return self.text(str(value))

    def __call__(
        self, _logger: Any, _method: str, line: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Clean one log line: the form in which structlog asks."""
        cleaned: MutableMapping[str, Any] = self.clean(line)
        return cleaned


class _FromStdlib(logging.Handler):
    """Sends what libraries log through the same nets."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            record.levelno,
            record.getMessage(),
            library=record.name,
            exc_info=record.exc_info,
        )


def configure(
    *,
    stream: TextIO,
    clock: Clock,
    redactor: Redactor,
    level: int = logging.INFO,
    json_lines: bool = False,
) -> None:
    """Send log lines of ``level`` and above to ``stream``, redacted; libraries' own from WARNING.

    Called by the application, once per run. Exceptions are written without local variables, which
    may hold anything.
    """

    def stamp(
        _logger: Any, _method: str, line: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        line["at"] = datetime.fromtimestamp(clock.now() / 1e9, UTC).isoformat(
            timespec="milliseconds"
        )
        return line

    renderer: Any = (
        structlog.processors.JSONRenderer()
        if json_lines
        else structlog.dev.ConsoleRenderer(colors=stream.isatty(), timestamp_key="at")
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            stamp,
            structlog.processors.ExceptionRenderer(
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            )
            if json_lines
            else structlog.processors.format_exc_info,
            redactor,
            _made_visible,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, _FromStdlib)]:
        root.removeHandler(handler)
    root.addHandler(_FromStdlib(level=logging.WARNING))


def _made_visible(
    _logger: Any, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Keep texts of others from steering a terminal; a traceback has its lines."""
    return {
        key: visible(value, keeps_lines=key == "exception") if isinstance(value, str) else value
        for key, value in line.items()
    }


def note(line: Say) -> None:
    """Keep a line that a strategy or the engine said, with its time in the engine's own clock."""
    speak = getattr(structlog.get_logger(), line.level)
    # An author's fields stand apart: whatever they are called, they hide nothing of ours.
    extra = {"fields": line.fields} if line.fields else {}
    speak(line.text, subject=line.subject, engine_time=clock_text(line.at), **extra)


def _hide_if_secret(found: re.Match[str]) -> str:
    return found["head"] + HIDDEN if is_secret_key(found["key"]) else found[0]


def _base64_forms(secret: str) -> set[str]:
    """Return how ``secret`` looks inside base64, at each of the three places it can start.

    The first and last characters of a form also encode its neighbours, so only what belongs to
    the secret alone is kept.
    """
    raw = secret.encode()
    forms = set()
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        first = (before * 8 + 5) // 6
        last = (before + len(raw)) * 8 // 6
        inner = coded[first:last]
        forms |= {inner, inner.replace("+", "-").replace("/", "_")}
    return {form for form in forms if len(form) >= MIN_SECRET_CHARS}
