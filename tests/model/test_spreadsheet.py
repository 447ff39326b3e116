"""Cells of CSV files: formulas become text, everything else stays what it is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from analytics.model.spreadsheet import guarded


@pytest.mark.parametrize("text", ["=1+1", "+49", "-1", "@x", "\tx", "\rx", "\nx", "＝1+1", "＋49", "－1", "＠SUM(1)"])
def test_formulas_are_made_harmless(text: str) -> None:
    assert guarded(text) == f"'{text}"


def test_numbers_and_plain_text_are_left_alone() -> None:
    plain = [-5, Decimal("-5.5"), None, True, "a=b", "", "'=1"]
    assert [guarded(value) for value in plain] == plain


def test_a_formula_behind_a_nul_is_found() -> None:
    assert guarded("\x00=1+1") == "'=1+1"
    assert guarded("a\x00b") == "ab"
