from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError
from engine.runtime.yaml_marks import MAX_BYTES, dotted, parse, read


def problems(text: str) -> list[str]:
    document = parse(text, "x.yaml")
    return [f"{p.line} {p.key}: {p.text}" for p in sorted(document.problems.found)]


def test_every_key_and_item_knows_its_line() -> None:
    document = parse("a: 1\nb:\n  c: x\n  d: [1,\n    2]\ne:\n- f: 1\n", "x.yaml")
    assert document.data == {"a": 1, "b": {"c": "x", "d": [1, 2]}, "e": [{"f": 1}]}
    assert document.line(("a",)) == 1
    assert document.line(("b", "c")) == 3
    assert document.line(("b", "d", 1)) == 5
    assert document.line(("e", 0, "f")) == 7


def test_the_line_of_what_is_not_there_is_that_of_what_is_around_it() -> None:
    document = parse("a:\n  b: 1\n", "x.yaml")
    assert document.line(("a", "missing", 3)) == 1
    assert document.where(("a", "b")) == "x.yaml:2: a.b"


def test_a_path_reads_as_a_person_writes_it() -> None:
    assert dotted(("strategies", "a-b", "legs", 2, "side")) == "strategies.a-b.legs[2].side"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 9:20", '1 a: a time stands in quotes: "09:20"'),
        ("a: 09:20", '1 a: a time stands in quotes: "09:20"'),
        ("a: 10:20:30", '1 a: a time stands in quotes: "10:20:30"'),
        ("a: 010", "1 a: 010 would be read as an octal number; drop the leading zero"),
        ("a: .inf", "1 a: .inf is not a figure that a setting can have"),
        ("a: .nan", "1 a: .nan is not a figure that a setting can have"),
        ("a: 2026-13-45", "1 a: '2026-13-45' cannot be read as timestamp"),
        ("a: 1\nb: 2\na: 3", "3 a: a second time (first on line 1); keep one"),
        ("a: {b: 1, b: 2}", "1 a.b: a second time (first on line 1); keep one"),
        ("12: x", '1 12: a key must be text; write "12" in quotes'),
        ("yes: x", '1 yes: a key must be text; write "yes" in quotes'),
        ("a: !!python/name:os.system x", "1 a: a setting cannot be a !!python/name:os.system; write it without the tag"),
        ("a: !!python/object:os.X {b: 1}", "1 a: a setting cannot be a !!python/object:os.X; write it without the tag"),
        ("a: !!binary aGk=", "1 a: a setting cannot be a !!binary; write it without the tag"),
    ],
)  # fmt: skip
def test_what_yaml_lets_pass_and_a_configuration_may_not(text: str, problem: str) -> None:
    assert problems(text) == [problem]


@pytest.mark.parametrize("text", ['a: "9:20"', "a: 'x:1'", "a: 0", "a: 0.5", "a: nse:tcs"])
def test_plain_values_are_no_problem(text: str) -> None:
    assert problems(text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.yaml: the file is empty"),
        ("# only a comment\n", "x.yaml: the file is empty"),
        ("- a\n- b\n", "x.yaml:1: the top must be"),
        ("just words", "x.yaml:1: the top must be"),
        ("a:\n\tb: 1\n", "x.yaml:2: a tab; YAML wants spaces"),
        ("a: [1, 2\nb: 3", "x.yaml:2: "),
        ("a: *nobody", "x.yaml:1: found undefined alias"),
        ("a: 1\n---\nb: 2\n", "x.yaml:2: but found another document"),
        ("a: &x [*x]", "x.yaml:1: too much in one file"),
        ("a: \x00", "x.yaml:1: the character 0x0000 cannot stand in YAML"),
        ("a: " + "[" * 5000, "x.yaml: nested far too deeply"),
        ("a: " + "[" * 60 + "]" * 60, "x.yaml:1: too much in one file"),
    ],
)
def test_a_file_that_is_no_configuration_is_told_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(text, "x.yaml")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_aliases_that_multiply_are_stopped() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(ConfigError, match="check its anchors and aliases"):
        parse("\n".join(lines), "x.yaml")


def test_a_merge_key_shares_settings_and_what_stands_beside_it_wins() -> None:
    text = "base: &base {lots: 1, stop: 5}\na:\n  <<: *base\n  lots: 2\nb: &b\n  <<: *base\n  stop: 6\nc: *b\n"
    document = parse(text, "x.yaml")
    assert document.data["a"] == {"lots": 2, "stop": 5}
    assert document.data["b"] == document.data["c"] == {"lots": 1, "stop": 6}
    assert document.problems.found == []


def test_a_missing_file_a_folder_and_a_file_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml: no such file"):
        read(tmp_path / "gone.yaml")
    with pytest.raises(ConfigError, match="is a folder"):
        read(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"latin\.yaml:2: not UTF-8"):
        read(tmp_path / "latin.yaml")
    (tmp_path / "big.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="larger than"):
        read(tmp_path / "big.yaml")


def test_a_byte_order_mark_is_not_part_of_the_first_key(tmp_path: Path) -> None:
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read(tmp_path / "bom.yaml").data == {"a": 1}


@given(st.text(alphabet=st.sampled_from("ab:{}[]-*&!|>'\"#,\n \t0159.~<"), max_size=60))
def test_any_text_is_a_document_or_a_config_error(text: str) -> None:
    try:
        document = parse(text, "x.yaml")
    except ConfigError as error:
        assert str(error).startswith("x.yaml")  # noqa: PT017 - both ways are right
    else:
        assert all(isinstance(key, str) for key in document.data)
