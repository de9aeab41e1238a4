"""Part of a YAML document against a pydantic model: an instance, or problems with their lines.

Values are judged as strict JSON, which is what a person means by YAML: text is not a number, 1 is
not true, and a time or a date is text of the right form.
"""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

import pydantic_core
from pydantic import BaseModel, ValidationError

from engine.model.nearest import nearest
from engine.runtime.logs import is_secret_key
from engine.runtime.yaml_marks import Document, KeyPath

M = TypeVar("M", bound=BaseModel)

# pydantic's error types whose own words are for programmers; the rest keep theirs.
_WORDS: Final = {
    "bool_type": "must be true or false",
    "date_from_datetime_parsing": 'must be a date like "2026-08-25"',
    "date_parsing": 'must be a date like "2026-08-25"',
    "date_type": 'must be a date like "2026-08-25"',
    "decimal_parsing": "must be a number",
    "decimal_type": "must be a number",
    "dict_type": "must be `name: value` lines",
    "float_type": "must be a number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
    "model_type": "must be `key: value` lines",
    "none_required": "must be left out",
    "string_type": "must be text",
    "time_parsing": 'must be a time of day in quotes, like "09:20"',
    "time_type": 'must be a time of day in quotes, like "09:20"',
    "tuple_type": "must be a list",
}
_SHOULD: Final = re.compile(r"^[A-Z][a-z]+ should ")
_NUMBER_TEXT: Final = re.compile(r"[-+]?[0-9][0-9_,]*(\.[0-9]+)?([eE][-+]?[0-9]+)?")


def check(document: Document, path: KeyPath, value: Any, model: type[M]) -> M | None:
    """Return ``value``, which stands at ``path``, as a ``model``.

    None when it is not one; each reason is then among the document's problems, at its line.
    """
    written = json.dumps(value, default=_plain)
    try:
        return model.model_validate_json(written, strict=True)
    except ValidationError as error:
        _report(document, path, value, model, error)
        return None


def _plain(value: Any) -> str:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not plain data")


def _report(
    document: Document, path: KeyPath, value: Any, model: type[BaseModel], error: ValidationError
) -> None:
    wanted: dict[KeyPath, list[str]] = {}
    for found in error.errors(include_url=False):
        loc = found["loc"]
        inner = _in_data(loc, value)
        here: KeyPath = (*path, *inner)
        match found["type"]:
            case "extra_forbidden":
                keys = _keys(model, loc[:-1])
                document.complain(here, f"unknown key{nearest(str(loc[-1]), keys)}")
            case "missing":
                document.complain((*here, loc[-1]), "is missing")
            case _:
                phrases = wanted.setdefault(here, [])
                phrase = _phrase(found)
                if phrase not in phrases:
                    phrases.append(phrase)
    for here, phrases in wanted.items():
        text = " or ".join(phrases[:1] + [p.removeprefix("must be ") for p in phrases[1:]])
        stands = _at(value, here[len(path) :])
        # Only "must be ..." is answered by what stands there; a model's own sentence says it all.
        got = _got(document, here, stands) if text.startswith("must ") else ""
        document.complain(here, f"{text}{got}")


def _phrase(found: pydantic_core.ErrorDetails) -> str:
    if found["type"] in _WORDS:
        return _WORDS[found["type"]]
    if found["type"] == "too_short":
        return f"must have at least {found['ctx']['min_length']} in it"
    return _SHOULD.sub("must ", found["msg"].removeprefix("Value error, "))


def _got(document: Document, path: KeyPath, value: Any) -> str:
    """Return what stands in the file instead, as it is written there."""
    if any(isinstance(part, str) and is_secret_key(part) for part in path):
        return ""
    if value is None:
        return "; got nothing"
    if isinstance(value, Mapping):
        return "; got `key: value` lines"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "; got a list"
    written = document.spellings.get(path, repr(value))
    hint = ""
    if isinstance(value, str) and _NUMBER_TEXT.fullmatch(value):
        plain = "without quotes" if written.startswith('"') else "in plain digits"
        hint = f", which is text; write a number {plain}"
    return f"; got {written}{hint}"


def _in_data(loc: Sequence[str | int], value: Any) -> KeyPath:
    """Return the part of ``loc`` that is in the data: pydantic also names branches of unions."""
    path: list[str | int] = []
    here = value
    for part in loc:
        try:
            here = here[part]
        except (KeyError, IndexError, TypeError):
            continue
        path.append(part)
    return tuple(path)


def _at(value: Any, path: KeyPath) -> Any:
    for part in path:
        value = value[part]
    return value


def _keys(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """Return the keys that may stand at ``loc`` inside ``model``."""
    annotations: list[Any] = [model]
    for part in loc:
        annotations = [inner for outer in annotations for inner in _step(outer, part)]
    keys = []
    for annotation in annotations:
        for plain in _branches(annotation):
            if isinstance(plain, type) and issubclass(plain, BaseModel):
                keys += [field.alias or name for name, field in plain.model_fields.items()]
    return list(dict.fromkeys(keys))


def _step(annotation: Any, part: str | int) -> Iterator[Any]:
    """Yield what ``annotation`` holds under ``part``; a branch label of a union holds itself."""
    for plain in _branches(annotation):
        if isinstance(plain, type) and issubclass(plain, BaseModel):
            by_key = {f.alias or name: f.annotation for name, f in plain.model_fields.items()}
            yield by_key.get(str(part), plain)
            continue
        inner = [a for a in get_args(plain) if a is not Ellipsis]
        if inner:
            yield inner[-1]


def _branches(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _branches(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for branch in get_args(annotation):
            yield from _branches(branch)
    else:
        yield annotation
