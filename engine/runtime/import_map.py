"""Maps for imports: those that are shipped, by name, and those a person writes, by path."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any, Final, NamedTuple

from engine.errors import FileError
from engine.runtime.yaml_check import check
from engine.runtime.yaml_marks import Document, parse
from engine.sessionlog.importing.mapping import Fields, FieldSource, ImportMap, Policies
from engine.sessionlog.importing.parsing import require_zone

_FOLDER: Final = "import_maps"
_ENDING: Final = ".yaml"


class ReadMap(NamedTuple):
    """A map, what it is called, the hash of its text, and the columns that --set replaced."""

    mapped: ImportMap
    name: str
    sha256: str
    overridden: Mapping[str, FieldSource]


def shipped_maps() -> dict[str, str]:
    """Return the text of every map that comes with the engine, by name."""
    folder = resources.files("engine.runtime") / _FOLDER
    found = {
        entry.name.removesuffix(_ENDING): entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(_ENDING)
    }
    return dict(sorted(found.items()))


def read_map(
    wanted: str, values: Mapping[str, str] | None = None, policies: Mapping[str, str] | None = None
) -> ReadMap:
    """Read a shipped map by name, or a file by its path.

    ``values`` give fields the same value in every row, whatever the map takes them from;
    ``policies`` replace those of the map. Raises ``FileError`` for a name that is not shipped, and
    ``ConfigError`` with file, line and key for a map that is not right.
    """
    text, name = _text(wanted)
    document = parse(text, name)
    document.problems.raise_any()
    data = document.data
    overridden = _override(document, values or {})
    for policy, what in (policies or {}).items():
        _require_known("--policy", policy, list(Policies.model_fields))
        data.setdefault("policy", {})[policy] = what
    mapped = check(document, (), data, ImportMap)
    document.problems.raise_any()
    if mapped is None:
        raise FileError(f"{name}: not a map")
    if mapped.timezone is not None:
        require_zone(mapped.timezone)
    return ReadMap(mapped, name, sha256(text.encode()).hexdigest(), overridden)


def _text(wanted: str) -> tuple[str, str]:
    shipped = shipped_maps()
    if wanted in shipped:
        return shipped[wanted], wanted
    path = Path(wanted)
    if path.suffix in (".yaml", ".yml") or "/" in wanted:
        try:
            return path.read_text(encoding="utf-8-sig"), wanted
        except FileNotFoundError:
            raise FileError(f"--map {wanted}: no such file") from None
        except (OSError, UnicodeDecodeError) as error:
            raise FileError(f"--map {wanted}: cannot be read: {error}") from None
    close = difflib.get_close_matches(wanted, shipped, n=1, cutoff=0.4)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise FileError(
        f"--map {wanted}: no map of that name is shipped{hint} (shipped: {', '.join(shipped)}; "
        "a map of your own is a file that ends in .yaml)"
    )


def _override(document: Document, values: Mapping[str, str]) -> dict[str, FieldSource]:
    """Write bare columns out, put ``values`` in, and return what they replaced."""
    fields: Any = document.data.get("fields")
    if not isinstance(fields, dict):
        return {}
    for name, written in fields.items():
        if isinstance(written, str):
            fields[name] = {"column": written}
    overridden: dict[str, FieldSource] = {}
    for name, value in values.items():
        _require_known("--set", name, list(Fields.model_fields))
        replaced = fields.get(name)
        if isinstance(replaced, dict) and "column" in replaced:
            source = check(document, ("fields", name), replaced, FieldSource)
            if source is not None:
                overridden[name] = source
        fields[name] = {"value": value}
    return overridden


def _require_known(option: str, name: str, known: list[str]) -> None:
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise FileError(f"{option} {name}: no such name{hint} (known: {', '.join(known)})")
