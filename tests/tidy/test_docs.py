"""Documents hold: modules say what they are, links lead somewhere, no machine is named."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

LINK = re.compile(
    r"(?<!\!)\[[^\]]*\]\((?P<target>[^)\s]+)(?:\s+\"[^\"]*\")?\)|!\[[^\]]*\]\((?P<image>[^)\s]+)\)"
)
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+\s+(?P<text>.+?)\s*#*$", re.MULTILINE)
MACHINE = re.compile(
    r"(?<![\w.~$}/-])/(?:work|tmp|home|root|Users|opt|mnt)(?:/|(?=[\s\"'`)]|$))|\b[A-Z]:\\\\?Users"
)
TOOLS = re.compile(
    r"(?i)\b(?:generated|written|co-authored) (?:by|with) an? (?:ai|llm|assistant)\b"
    r"|\blanguage model\b|\bai assistant\b|^co-authored-by:"
)
THIS_FILE = "tests/tidy/test_docs.py"


def anchor(heading: str) -> str:
    """How a heading is linked to: small, without punctuation, hyphens for blanks."""
    plain = re.sub(r"[`*_]", "", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def broken_links(path: Path, text: str) -> list[str]:
    wrong = []
    for found in LINK.finditer(FENCE.sub("", text)):
        target = found["target"] or found["image"]
        if re.match(r"[a-z]+:", target):
            continue
        place, _, section = target.partition("#")
        file = (path.parent / place) if place else path
        if not file.exists():
            wrong.append(f"{path.name}: {target} leads nowhere")
        elif section and file.suffix == ".md":
            content = text if file == path else file.read_text(encoding="utf-8")
            if section not in {anchor(h["text"]) for h in HEADING.finditer(content)}:
                wrong.append(f"{path.name}: {target} has no such heading")
    return wrong


def machine_names(path: str, text: str) -> list[str]:
    return [
        f"{path}:{number} {pattern.search(line)[0]!r}"  # type: ignore[index]
        for number, line in enumerate(text.splitlines(), 1)
        for pattern in (MACHINE, TOOLS)
        if pattern.search(line)
    ]


def test_every_module_says_what_it_is(shipped: Mapping[str, Any]) -> None:
    silent = [
        path for path, source in shipped.items() if len(ast.get_docstring(source.tree) or "") < 10
    ]
    assert not silent, "\n".join(silent)


def test_links_in_documents_lead_somewhere(root: Path, texts: Mapping[str, str]) -> None:
    documents = [path for path in texts if path.endswith(".md")]
    wrong = [w for path in documents for w in broken_links(root / path, texts[path])]
    assert not wrong, "\n".join(wrong)


def test_no_file_names_a_place_or_a_tool_of_its_making(texts: Mapping[str, str]) -> None:
    wrong = [w for p, text in texts.items() if p != THIS_FILE for w in machine_names(p, text)]
    assert not wrong, "\n".join(wrong)


def test_the_checker_sees_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One two\n[a](gone.md) [b](page.md) [c](#one-two) [d](#three) ![e](no.png)")
    assert len(broken_links(page, page.read_text())) == 3


def test_the_checker_leaves_code_and_the_web_alone(tmp_path: Path) -> None:
    text = "```\n[a](gone.md)\n```\n[b](https://example.org/x)"
    assert broken_links(tmp_path / "page.md", text) == []


@pytest.mark.parametrize(
    "line", ["see /work/main", "open('/tmp/x')", "`/home/me/x`", "cd /root", "C:\\Users\\me"]
)
def test_the_checker_sees_a_machine(line: str) -> None:
    assert len(machine_names("x.md", line)) == 1


@pytest.mark.parametrize(
    "line", ["https://x.org/work/1", "./tmp/x", "a/work/b", "the work/home balance"]
)
def test_the_checker_lets_other_slashes_pass(line: str) -> None:
    assert machine_names("x.md", line) == []


def test_the_checker_sees_a_tool() -> None:
    assert len(machine_names("x.md", "This was written by an assistant.")) == 1
