"""What was copied from others is what they published, and has its licence."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest

import engine.report
from engine.report import page

ASSETS = Path(engine.report.__file__).parent / "assets"
ROW = re.compile(
    r"^\| (?P<file>\S+) \| (?P<what>\S+) \| (?P<version>\S+) \| .* \| (?P<sha>[0-9a-f]{64}) \|$"
)


def vendored() -> list[re.Match[str]]:
    lines = (ASSETS / "VENDORED.md").read_text(encoding="utf-8").splitlines()
    return [found for line in lines if (found := ROW.match(line))]


def test_every_file_of_others_is_listed_and_none_else_is_there() -> None:
    listed = {row["file"] for row in vendored()}
    ours = {"report.css", "report.js", "VENDORED.md"}
    assert {path.name for path in ASSETS.iterdir()} == listed | ours


@pytest.mark.parametrize("row", vendored(), ids=lambda row: row["file"])
def test_it_was_not_changed(row: re.Match[str]) -> None:
    assert sha256((ASSETS / row["file"]).read_bytes()).hexdigest() == row["sha"]


def test_the_page_names_the_version_it_has() -> None:
    (version,) = {row["version"] for row in vendored()}
    assert f"(v{version})" in (ASSETS / "uplot.iife.min.js").read_text(encoding="utf-8")[:80]
    assert f"uPlot {version}" in Path(page.__file__).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["uplot.iife.min.js", "report.js"])
def test_a_script_cannot_end_its_own_element(name: str) -> None:
    text = (ASSETS / name).read_text(encoding="utf-8").lower()
    assert "</script" not in text
    assert "<!--" not in text


@pytest.mark.parametrize("name", ["uplot.min.css", "report.css"])
def test_a_style_fetches_nothing(name: str) -> None:
    text = (ASSETS / name).read_text(encoding="utf-8").lower()
    assert "url(" not in text
    assert "@import" not in text
    assert "</style" not in text


def test_our_script_asks_nobody_and_makes_no_markup() -> None:
    text = (ASSETS / "report.js").read_text(encoding="utf-8")
    for word in ("fetch(", "XMLHttpRequest", "innerHTML", "eval(", "http", "import(", "WebSocket"):
        assert word not in text, word
