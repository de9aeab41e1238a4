"""The report's one canonical form: JSON without secrets, the same bytes for identical runs.

It is what ``--format json`` writes and what the page carries, where ``<``, ``>`` and ``&`` would be
markup; so they are written as escapes everywhere, which JSON allows.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from engine.report.day import DayReport
from engine.runtime.logs import HIDDEN, Redactor, is_secret_key

_MARKUP: Final = {"<": b"\\u003c", ">": b"\\u003e", "&": b"\\u0026"}
_YAML_PAIR: Final = re.compile(r"(?P<head>(?P<key>[\w\-]+)[\"']?[ \t]*:[ \t]+)(?P<value>[^\s,}#]+)")


def redacted(report: DayReport, redactor: Redactor) -> DayReport:
    """Return the report with whatever looks like a secret taken out of its words."""
    return msgspec.convert(redactor.clean(msgspec.to_builtins(report)), DayReport)


def data_block(report: DayReport) -> bytes:
    """Return the report as canonical JSON: fields in declared order, money as text."""
    data = msgspec.json.encode(report)
    for mark, escape in _MARKUP.items():
        data = data.replace(mark.encode(), escape)
    return data


def redacted_yaml(text: str, redactor: Redactor) -> str:
    """Return a configuration's text without secrets; YAML needs no quotes, so its keys decide."""
    return redactor.text(_YAML_PAIR.sub(_hidden, text))


def _hidden(found: re.Match[str]) -> str:
    return f"{found['head']}{HIDDEN}" if is_secret_key(found["key"]) else found[0]
