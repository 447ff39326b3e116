"""Benchmarks name every program they lack before they measure."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import tools
from bench.__main__ import NAMES, main


def test_all_missing_programs_are_in_one_sentence(tmp_path: Path) -> None:
    said = tools.missing(NAMES, path=str(tmp_path))
    assert said == (
        "nginx, wrk, smtp-sink, smtp-source are missing on this machine, so nothing was measured; "
        "on Debian: apt-get install nginx wrk postfix."
    )
    assert tools.missing(["segments", "ingest", "report"], path=str(tmp_path)) is None


def test_what_is_there_is_not_named(tmp_path: Path) -> None:
    for name in ("wrk", "smtp-sink", "smtp-source"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    assert tools.missing(["send"], path=str(tmp_path)) is None
    said = tools.missing(NAMES, path=str(tmp_path))
    assert said is not None and said.startswith("nginx is missing") and said.endswith("apt-get install nginx.")


def test_nothing_runs_and_the_exit_code_is_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "_FOLDERS", ())
    assert main(["all", "--quick"]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and "nginx, wrk, smtp-sink, smtp-source are missing" in shown.err
