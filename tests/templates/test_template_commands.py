"""The commands about templates and campaigns, in a real workspace."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from analytics.bootstrap import create_services
from analytics.cli import campaign, template
from analytics.errors import AnalyticsError
from analytics.segments import Definition

HTML = "<p>Dear {{ entity.first_name | default('friend') }}</p><a href='https://x.example/'>go</a>"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "Jürgen's shop"
    with create_services(folder, settings={"threads": 1}) as services:
        services.lists.create("Everybody", Definition("customer_user"), contact="email")
    monkeypatch.setenv("SHELDUCK_HOME", str(folder))
    monkeypatch.setenv("COLUMNS", "200")
    app = typer.Typer()
    template.register(app)
    campaign.register(app)

    def run(*arguments: str, given: str | None = None) -> str:
        result = CliRunner().invoke(app, arguments, input=given)
        if isinstance(result.exception, AnalyticsError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return run


def test_a_template_is_saved_shown_and_previewed(run, tmp_path: Path) -> None:
    file = tmp_path / "mail.html"
    file.write_text(HTML, "utf-8")
    saved = run("template", "save", "Hello", "--html", str(file), "--subject", "Hi", "--entity", "customer_user")
    assert "version 1, for customer_user; 1 variables of the row, 1 links, an unsubscribe footer" in saved
    assert "Hello" in run("template", "all")
    shown = run("template", "show", "Hello")
    assert "entity.first_name" in shown and "https://x.example/" in shown and HTML in shown
    run("template", "save", "Any", "--html", "-", "--subject", "Hi {{ shop.name }}", given="<p>Hello [you]</p>")
    seen = run("template", "preview", "Any")
    assert "Subject: Hi Shelduck" in seen and "Hello [you]" in seen
    assert "<p>Hello [you]</p>" in run("template", "preview", "Any", "--part", "html")


def test_a_starter_is_saved_by_name(run) -> None:
    assert "2 variables of the row" in run("template", "save", "Back", "--starter", "win-back")
    with pytest.raises(AssertionError, match="there are Newsletter, Win-back, Plain letter"):
        run("template", "save", "x", "--starter", "none")
    with pytest.raises(AssertionError, match="Give --html FILE and --subject"):
        run("template", "save", "x", "--subject", "y")


def test_what_is_wrong_with_a_file_is_a_sentence(run, tmp_path: Path) -> None:
    latin = tmp_path / "latin.html"
    latin.write_bytes("Grüße".encode("latin-1"))
    for file, sentence in ((latin, "no UTF-8 text: byte 2 is 0xfc"), (tmp_path / "none.html", "cannot be read")):
        with pytest.raises(AnalyticsError, match=sentence):
            run("template", "save", "x", "--html", str(file), "--subject", "s")
    with pytest.raises(AnalyticsError, match=r"Did you mean 'entity\.first_name'"):
        run(
            *("template", "save", "x", "--html", "-", "--subject", "s", "--entity", "customer_user"),
            given="{{ entity.frist_name }}",
        )


def test_campaigns_are_made_from_the_command_line(run) -> None:
    run("template", "save", "Any", "--html", "-", "--subject", "Hi", given="<p>Hello</p>")
    made = run("marketing", "create", "Spring", "--code", "spring-26", "--budget", "100", "--start", "2026-03-01")
    assert "spring-26" in made and "100.00" in made
    made = run(
        *("campaign", "create", "News", "--list", "Everybody", "--template", "Any"),
        *("--marketing", "spring-26", "--holdout", "10", "--cost", "12.50"),
    )
    assert "Spring (spring-26)" in made and "10 %" in made and "12.50" in made
    assert "News" in run("campaign", "all") and "Spring" in run("marketing", "all")
    assert "former codes" in run("marketing", "code", "spring-26", "spring-27")
    assert "spring-26" in run("marketing", "show", "Spring")
    assert "News 2" in run("campaign", "clone", "News", "News 2")
    run("campaign", "delete", "News 2")
    assert "News" in run("campaign", "show", "News")
