"""The report of whole sessions: right, the same for the same run, and there whatever happened."""

from __future__ import annotations

import json
import re
import shutil
from base64 import b64encode
from decimal import Decimal
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from engine.model.record import OrderFilled, SessionClosed

BLOCK = re.compile(r'<script type="application/json" id="report">(.*?)</script>', re.DOTALL)


@pytest.fixture
def ran(project: Any, morning: Path) -> Any:
    """A straddle sold at 09:16:10 and left at 09:17:30."""
    project.write(project.STRADDLE, tape=morning)
    assert project.cli("run", "strategies.yaml").code == 0
    return project


def page_of(project: Any) -> str:
    return str(project.newest().report.read_text(encoding="utf-8"))


def data_of(project: Any, *words: str) -> Any:
    ended = project.cli("report", "--format", "json", *words)
    assert (ended.code, ended.err) == (0, "")
    return json.loads(ended.out)


class Page(HTMLParser):
    """The elements of a page and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the parser's form
        self._in_script = False


# -- figures -------------------------------------------------------------------------------------


def test_profit_is_what_the_fills_say_and_the_curve_ends_there(ran: Any) -> None:
    data = data_of(ran)
    fills = [record.fill for record in ran.records(OrderFilled)]
    cash = -sum(f.side.sign * f.quantity * f.price for f in fills)
    assert Decimal(data["total"]["gross_inr"]) == cash
    net = Decimal(data["total"]["net_inr"])
    assert net == cash - sum(Decimal(order["charges_inr"]) for order in data["orders"])
    curve = data["curves"]["total"]
    assert curve["gross_inr"][-1] == float(cash)
    assert curve["realised_inr"][-1] == float(cash)
    assert curve["net_inr"][-1] == pytest.approx(float(net), abs=0.005)
    (trade,) = data["groups"]
    assert Decimal(trade["net_inr"]) == net
    assert data["statistics"][-1]["trades"] == 1


def test_what_is_open_is_marked_as_the_session_marked_it(project: Any, morning: Path) -> None:
    project.write(project.STRADDLE.replace("time(9, 17, 30)", "time(15, 0)"), tape=morning)
    project.cli("run", "strategies.yaml")
    (closed,) = project.records(SessionClosed)
    data = data_of(project)
    assert [p["quantity"] for p in data["positions"]] == [-65, -65]
    for position in data["positions"]:
        assert position["mark"] in closed.marks.values()
    unrealised = closed.unrealised_inr["one"]
    assert float(data["total"]["unrealised_inr"]) == pytest.approx(unrealised, abs=0.005)
    assert data["curves"]["total"]["gross_inr"][-1] == pytest.approx(unrealised, abs=0.005)
    assert "2 still open at the end" in page_of(project)


def test_a_sold_straddle_has_the_greeks_of_one(ran: Any) -> None:
    curves = data_of(ran)["curves"]
    (greeks,) = curves["greeks"]
    held = [g for g in zip(greeks["gamma"], greeks["vega"], greeks["theta"], strict=True) if g[0]]
    assert held
    assert all(gamma < 0 and vega < 0 and theta > 0 for gamma, vega, theta in held)
    assert greeks["gamma"][0] == greeks["gamma"][-1] == 0.0
    names = [price["symbol"] for price in curves["prices"]]
    assert names[0] == "NIFTY"
    assert len(names) == 3


# -- the promise ---------------------------------------------------------------------------------


def test_identical_runs_have_identical_data_in_every_place(ran: Any, tmp_path: Path) -> None:
    first = BLOCK.search(page_of(ran))
    ran.cli("run", "strategies.yaml")
    second = BLOCK.search(page_of(ran))
    assert first is not None
    assert second is not None
    assert len(ran.sessions()) == 2
    assert first[1] == second[1]
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("own.py", "tape.arrow", "strategies.yaml"):
        shutil.copy(ran.folder / name, moved)
    other = type(ran)(moved)
    assert other.engine("run", "strategies.yaml", hash_seed=9).code == 0
    third = BLOCK.search(page_of(other))
    assert third is not None
    assert third[1] == first[1]


def test_the_page_holds_what_json_writes_byte_for_byte(ran: Any) -> None:
    found = BLOCK.search(page_of(ran))
    assert found is not None
    assert ran.cli("report", "--json").out == found[1] + "\n"


def test_the_data_names_no_place_and_no_wall_time(ran: Any) -> None:
    text = ran.cli("report", "--json").out
    assert str(ran.folder) not in text
    assert "took_s" not in text
    assert ran.newest().name not in text
    assert "the run took" in page_of(ran)


# -- the page ------------------------------------------------------------------------------------


def test_the_page_asks_for_nothing_and_runs_nothing_but_its_own(ran: Any) -> None:
    text = page_of(ran)
    page = Page(text)
    names = {tag for tag, _ in page.elements}
    assert not names & {"link", "img", "iframe", "object", "embed", "base", "form", "video"}
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "src"]
        assert (attributes.get("href") or "#").startswith("#")
    (policy,) = [
        a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    data, *scripts = page.scripts
    assert json.loads(data)["format"] == "legwork-report/1"
    digests = [b64encode(sha256(s.encode()).digest()).decode() for s in scripts]
    assert len(digests) == 2
    assert all(f"'sha256-{digest}'" in policy for digest in digests)


def test_tables_have_headers_and_charts_have_words(ran: Any) -> None:
    page = Page(page_of(ran))
    headers = [a for tag, a in page.elements if tag == "th"]
    assert headers
    assert all(a.get("scope") in {"col", "row"} for a in headers)
    tables = sum(tag == "table" for tag, _ in page.elements)
    assert tables == sum(tag == "caption" for tag, _ in page.elements)
    plots = [a for _, a in page.elements if "data-chart" in a]
    assert len(plots) >= 10
    assert all(a["role"] == "img" and len(a["aria-label"] or "") > 40 for a in plots)


def test_what_others_wrote_is_text_whatever_it_looks_like(project: Any, morning: Path) -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    fault = f'{{when: {{leg: 1, purpose: entry}}, do: reject, reason: "{evil}"}}'
    project.write(project.STRADDLE, tape=morning, paper=f"{{faults: [{fault}]}}")
    assert project.cli("run", "strategies.yaml").code == 0
    page = Page(page_of(project))
    assert sum(tag == "script" for tag, _ in page.elements) == 3
    assert not [tag for tag, _ in page.elements if tag == "img"]
    assert any(evil in order["reason"] for order in json.loads(page.scripts[0])["orders"])


def test_no_secret_reaches_the_page_or_the_data(project: Any, morning: Path) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.c2VjcmV0LXBheWxvYWQ.c2lnbmF0dXJl"
    project.write(
        project.STRADDLE,
        tape=morning,
        paper="{faults: [{when: {leg: 1, purpose: entry}, do: reject, reason: "
        f'\'login Bearer abcdef123456 {token} ?api_key=k3y-0f-mine&x=1 "password": "hunter2xx"\'}}]}}',
    )
    assert project.cli("run", "strategies.yaml").code == 0
    yaml = project.newest().path / "strategies.yaml"
    yaml.write_text(yaml.read_text() + "# totp_secret: JBSWY3DPEHPK3PXP\n")
    assert project.cli("report").code == 0
    for text in (page_of(project), project.cli("report", "--json").out):
        for secret in ("abcdef123456", token, "k3y-0f-mine", "hunter2xx", "JBSWY3DPEHPK3PXP"):
            assert secret not in text, secret


# -- whatever happened ---------------------------------------------------------------------------


def test_a_day_without_a_trade_has_a_page(project: Any, morning: Path) -> None:
    body = 'class One(Strategy[Params]):\n    def on_start(self):\n        self.watch("NIFTY")\n'
    project.write(body, tape=morning)
    assert project.cli("run", "strategies.yaml").code == 0
    text = page_of(project)
    assert "Nothing was traded" in text
    data = data_of(project)
    assert data["statistics"][0]["win_rate_pct"] is None
    assert data["curves"]["total"]["gross_inr"][-1] == 0.0


def test_a_stuck_group_is_the_first_thing_to_see(project: Any, morning: Path) -> None:
    project.write(
        project.STRADDLE,
        tape=morning,
        paper="{reply_timeout_s: 5, faults: [{when: {leg: 1, purpose: entry}, do: never_reply}]}",
    )
    project.cli("run", "strategies.yaml")
    text = page_of(project)
    head = text[: text.index("<main>")]
    assert "Look at this" in head
    assert "STUCK" in head
    assert f"engine explain one.pair.1 --session {project.newest().name}" in head
    data = data_of(project)
    assert data["total"]["in_doubt"] == 1
    assert data["statistics"][-1]["trades"] == 0


def test_a_refused_group_has_its_rule_figure_and_limit(project: Any, morning: Path) -> None:
    project.write(project.STRADDLE, tape=morning, risk="{max_uncovered_short_lots: 0}")
    project.cli("run", "strategies.yaml")
    (first, *_) = data_of(project)["refusals"]
    assert first["rule"] == "uncovered short"
    assert first["limit"].startswith("0 lots")
    assert "uncovered short" in page_of(project)


def test_a_session_that_was_cut_off_says_so(ran: Any) -> None:
    folder = ran.newest()
    folder.journal.write_bytes(folder.journal.read_bytes()[:-700])
    ended = ran.cli("report")
    assert ended.code == 0
    assert "did not end in order" in ended.out
    assert "did not end in order" in page_of(ran)
    data = data_of(ran)
    assert data["ending"]["closed_at"] is None


@pytest.mark.parametrize("harm", ["gone", "another", "damaged"])
def test_without_its_recording_the_rest_is_still_told(ran: Any, new_tape: Any, harm: str) -> None:
    tape = ran.folder / "tape.arrow"
    if harm == "damaged":
        data = bytearray(tape.read_bytes())
        data[len(data) // 2] ^= 0xFF
        tape.write_bytes(data)
    else:
        tape.unlink()
        if harm == "another":
            other = new_tape()
            other.print_all()
            other.write(tape)
    ended = ran.cli("report")
    assert (ended.code, ended.err) == (0, "")
    assert "no curves and no word on the feed: the recording" in ended.out
    data = data_of(ran)
    assert data["curves"] is None
    assert len(data["fills"]) == 4
    assert "There are no curves" in page_of(ran)


def test_a_run_says_where_its_page_is_and_survives_without_room_for_it(
    ran: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "report: sessions/" in ran.cli("run", "strategies.yaml").out
    told = json.loads(ran.cli("run", "strategies.yaml", "--json").out)
    assert told["report"].endswith("report.html")

    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.report.written._replace", no_room)
    ended = ran.cli("run", "strategies.yaml")
    assert ended.code == 0
    assert "no report: " in ended.out
    assert "No space left on device" in ended.out
