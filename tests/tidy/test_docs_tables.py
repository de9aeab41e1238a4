"""Tables in documents are those of the code: a table that moved says how it reads now."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from engine.app import CALENDAR, CONFIGURATION
from engine.cli.app import COMMANDS, GROUPS, group
from engine.model.effect import Effect
from engine.model.event import Event
from engine.model.instrument import plain
from engine.model.legs import GroupState
from engine.model.legs_state import TRANSITIONS, GroupTrigger, Special
from engine.model.order_state import as_markdown
from engine.rules.charges import PLANS, Item, tables
from engine.rules.dated import last_days
from engine.runtime.journal import TYPE_NUMBERS
from engine.runtime.sessions_on_disk import (
    JOURNAL_NAME,
    LINES_NAME,
    LOG_NAME,
    MACHINE_NAME,
    READ_MODEL_NAME,
    REPORT_NAME,
)
from risk.limits import AccountLimits

HEADINGS = ["Date", "Status", "Context", "Decision", "Consequences"]
RULE_NAME = re.compile(r"\bCheck\(\s*rule=\"([a-z ]+)\"")


@pytest.fixture(scope="module")
def docs(root: Path) -> Path:
    return root / "docs"


def between(text: str, name: str) -> str:
    """What stands between a table's marks."""
    start, end = f"<!-- table: {name} -->\n", "<!-- end -->"
    assert text.count(start) == 1, f"no mark {start!r}"
    return text.split(start)[1].split(end, maxsplit=1)[0].strip()


def table_under(text: str, header: str) -> list[list[str]]:
    """The rows below a header line, as cells without backticks."""
    lines = text.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(header))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return rows


def group_table() -> str:
    """The table of a part for a person: a row per trigger, a column per state."""
    lines = [
        "| trigger | " + " | ".join(GroupState) + " |",
        "|---" * (len(GroupState) + 1) + "|",
    ]
    for trigger in GroupTrigger:
        cells = [group_cell(state, TRANSITIONS[state][trigger]) for state in GroupState]
        lines.append(f"| {trigger} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def group_cell(state: GroupState, after: GroupState | Special) -> str:
    if after is Special.IMPOSSIBLE:
        return ""
    if after is Special.BACK:
        return "back"
    return "=" if after is state else str(after)


def flat(limits: BaseModel, prefix: str = "") -> Iterable[list[str]]:
    for name, value in limits:
        if isinstance(value, BaseModel):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield [f"{prefix}{name}", str(value)]


def titles(text: str, level: int) -> list[str]:
    fences = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(rf"^{'#' * level} (.+)$", fences, re.MULTILINE)


def rates_table() -> str:
    """Every rate of law and exchanges, a line per value and time."""
    series: list[tuple[str, str, str, tables.Rates]] = []
    series += [("STT", of, "buys", rows) for of, rows in tables.STT_BUY.items()]
    series += [
        ("CTT" if "commodity" in of or "agri" in of else "STT", of, "sales", rows)
        for of, rows in tables.STT_SELL.items()
    ]
    series.append(("STT", "options exercised", "holder, of intrinsic value", tables.STT_EXERCISED))
    series += [("exchange", of, "both", rows) for of, rows in tables.EXCHANGE.items()]
    series += [("IPFT", of, "both", rows) for of, rows in tables.IPFT.items()]
    series.append(("SEBI", "all", "both", tables.SEBI))
    series += [("stamp", of, "buys", rows) for of, rows in tables.STAMP_BUY.items()]
    series.append(("GST", "services", "both", tables.GST))
    lines = [
        "| charge | of | on | % | from | to | sure | source |",
        "|---|---|---|---:|---|---|---|---|",
    ]
    for charge, of, on, rows in series:
        for row, last in zip(rows, last_days(rows), strict=True):
            share = plain(row.value * 100)
            lines.append(
                f"| {charge} | {of} | {on} | {share} | {row.first_day} | {last or ''} "
                f"| {row.certainty} | {row.source} |"
            )
    return "\n".join(lines)


def plans_table() -> str:
    """Every fee of every plan."""
    lines = ["| plan | for | fee | from | to | sure | source |", "|---|---|---|---|---|---|---|"]
    for plan in PLANS.values():
        for item in Item:
            rows = plan.fees[item]
            for row, last in zip(rows, last_days(rows), strict=True):
                lines.append(
                    f"| `{plan.name}` | `{item}` | {row.value} | {row.first_day} | {last or ''} "
                    f"| {row.certainty} | {row.source} |"
                )
    return "\n".join(lines)


@pytest.mark.parametrize(("name", "wanted"), [("rates", rates_table), ("plans", plans_table)])
def test_the_tables_of_charges_are_those_of_the_code(
    docs: Path, name: str, wanted: Callable[[], str]
) -> None:
    assert between((docs / "charges.md").read_text(encoding="utf-8"), name) == wanted()


def test_the_states_of_an_order_are_those_of_the_code(docs: Path) -> None:
    text = (docs / "architecture.md").read_text(encoding="utf-8")
    assert between(text, "orders") == as_markdown().strip()


def test_the_states_of_a_group_are_those_of_the_code(docs: Path) -> None:
    text = (docs / "architecture.md").read_text(encoding="utf-8")
    assert between(text, "groups") == group_table()


@pytest.mark.parametrize(("header", "union"), [("| event |", Event), ("| effect |", Effect)])
def test_every_event_and_effect_is_listed(docs: Path, header: str, union: object) -> None:
    text = (docs / "architecture.md").read_text(encoding="utf-8")
    listed = [row[0] for row in table_under(text, header)]
    assert listed == [kind.__name__ for kind in get_args(union)]


def test_every_file_of_the_core_is_listed(root: Path, docs: Path) -> None:
    text = (docs / "architecture.md").read_text(encoding="utf-8")
    listed = [
        name for row in table_under(text, "| file |") for name in re.findall(r"\w+\.py", row[0])
    ]
    files = {path.name for path in (root / "engine" / "core").glob("*.py")} - {"__init__.py"}
    assert len(listed) == len(set(listed))
    assert set(listed) == files, f"docs/architecture.md differs in {set(listed) ^ files}"


def test_every_record_of_the_journal_is_listed(docs: Path) -> None:
    text = (docs / "journal-and-sessions.md").read_text(encoding="utf-8")
    listed = [row[:2] for row in table_under(text, "| type | record |")]
    assert listed == [[str(number), kind.__name__] for kind, number in TYPE_NUMBERS.items()]


def test_every_file_of_a_session_is_listed(docs: Path) -> None:
    text = (docs / "journal-and-sessions.md").read_text(encoding="utf-8")
    listed = [row[0] for row in table_under(text, "| file |")]
    files = [JOURNAL_NAME, LOG_NAME, CONFIGURATION, CALENDAR, READ_MODEL_NAME, LINES_NAME]
    files += [REPORT_NAME, MACHINE_NAME]
    assert sorted(listed) == sorted(files)


def test_every_default_limit_is_listed(docs: Path) -> None:
    text = (docs / "risk.md").read_text(encoding="utf-8")
    assert table_under(text, "| key | default |") == list(flat(AccountLimits()))


def test_every_rule_and_key_is_listed(root: Path, docs: Path) -> None:
    text = (docs / "risk.md").read_text(encoding="utf-8")
    rows = table_under(text, "| rule |")
    sources = [
        path.read_text(encoding="utf-8") for path in sorted((root / "risk").glob("*_rules.py"))
    ]
    named = {name for source in sources for name in RULE_NAME.findall(source)}
    assert sorted(row[0] for row in rows) == sorted(named)
    governor = [row[0] for row in table_under(text, "| YAML key |")]
    keys = [key for row in rows for key in re.findall(r"[a-z_]+(?=[`:,]|$)", row[4]) if "_" in key]
    wanted = set(AccountLimits.model_fields)
    assert {key for key in keys if key in wanted} | set(governor) == wanted


def test_every_command_has_its_section(docs: Path) -> None:
    text = (docs / "commands.md").read_text(encoding="utf-8")
    groups = [
        f"engine {name} {command.name or getattr(command.callback, '__name__', '')}"
        for name in GROUPS
        for command in group(name).registered_commands
    ]
    wanted = [f"engine {name}" for name in COMMANDS] + groups
    assert sorted(titles(text, 2)) == sorted([*wanted, "What they share"])


def test_every_decision_is_listed_under_its_title(docs: Path) -> None:
    text = (docs / "README.md").read_text(encoding="utf-8")
    listed = table_under(text, "| number | decision |")
    found = []
    for path in sorted((docs / "decisions").glob("*.md")):
        (title,) = titles(path.read_text(encoding="utf-8"), 1)
        number, _, rest = title.partition(": ")
        found.append([f"[{number}](decisions/{path.name})", rest.replace("`", "")])
    assert [[a, b.replace("`", "")] for a, b in listed] == found


def test_decisions_have_their_five_headings_and_fit_a_page(docs: Path) -> None:
    wrong = []
    for path in sorted((docs / "decisions").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if titles(text, 2) != HEADINGS:
            wrong.append(f"{path.name}: {titles(text, 2)}")
        if len(text.splitlines()) > 90:
            wrong.append(f"{path.name}: longer than a page")
    assert not wrong, "\n".join(wrong)


def test_the_readme_has_one_line_to_run_and_one_to_test(root: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "python3 -m venv" in line]
    assert lines == [
        "python3 -m venv .venv && .venv/bin/pip install -q -e . && .venv/bin/engine run strategies.yaml",
        "python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/pytest",
    ]


def test_the_continuous_check_runs_the_same_tests(root: Path) -> None:
    script = (root / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    whole, *again = (line for line in script if "/pytest" in line)
    assert whole == '"$env/bin/pytest"'
    assert all(line.startswith("LEGWORK_HOT_PATH=python ") for line in again)


def test_the_reader_of_tables_sees_rows_until_the_table_ends() -> None:
    text = "| a | b |\n|---|---|\n| `x` | 1 |\n| y | 2 |\n\n| z | 3 |"
    rows: Sequence[Sequence[str]] = table_under(text, "| a |")
    assert rows == [["x", "1"], ["y", "2"]]
