"""Markup by construction."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.report.html import ROWS_MAX, Column, Html, pairs, table, tag


class Elements(HTMLParser):
    """Every element and all the text of some markup."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(alphabet=st.sampled_from("<>&\"'/ =scriptonload!-`\\")))
def test_no_text_becomes_an_element_or_an_attribute(text: str) -> None:
    found = Elements(tag("p", text, title=text))
    assert found.names == ["p"]
    assert found.attributes == [("title", text)]
    assert found.text == text


def test_markup_is_not_escaped_twice() -> None:
    assert tag("p", tag("b", "a & b"), Html("<br>")) == "<p><b>a &amp; b</b><br></p>"


def test_attributes_without_a_value_are_bare_and_none_is_left_out() -> None:
    made = tag("button", "x", disabled=True, class_=None, data_zoom="in")
    assert made == '<button disabled data-zoom="in">x</button>'


def test_a_table_has_a_caption_headed_columns_and_named_rows() -> None:
    columns = [Column[int]("number", str), Column[int]("square", lambda n: n * n, is_figure=True)]
    found = table("Squares", columns, [2, 3], foot=[4])
    assert found.count('<th scope="col"') == 2
    assert found.count('<th scope="row"') == 3
    assert "<caption>Squares</caption>" in found
    assert "<tfoot><tr><th" in found
    assert 'role="region" aria-label="Squares" tabindex="0"' in found


@pytest.mark.parametrize("rows", [ROWS_MAX, ROWS_MAX + 1, 5000])
def test_a_long_table_has_its_first_and_last_rows_and_says_where_the_rest_is(rows: int) -> None:
    found = table("N", [Column[int]("n", str)], list(range(rows)), everything="ask for them")
    shown = Elements(found).names.count("th") - 1
    assert shown == min(rows, ROWS_MAX)
    if rows > ROWS_MAX:
        assert f"{rows - ROWS_MAX:,} of {rows:,} rows are left out here; ask for them" in found
        assert ">0</th>" in found
        assert f">{rows - 1}</th>" in found
    else:
        assert "left out" not in found


def test_pairs_are_a_list_of_terms() -> None:
    assert pairs([("a<", "b")]) == "<dl><div><dt>a&lt;</dt><dd>b</dd></div></dl>"
