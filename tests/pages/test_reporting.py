"""Websites, the local sink, the efficiency report and Home over a story that happened."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.services import Services
from analytics.views import efficiency, sink
from tests.pages import scenario, workspace
from tests.pages.conftest import Dashboard, keyed, press, said

REPORT = "pages/reporting/efficiency.py"


@pytest.fixture(scope="module")
def prepared_full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which a campaign was sent, opened, clicked and visited."""
    root = workspace.make(tmp_path_factory.mktemp("story"), filled=True)
    with workspace.services_of(root) as services:
        scenario.story(services)
    return root


@pytest.fixture
def report(services: Services) -> Iterator[efficiency.View]:
    yield efficiency.load(services, efficiency.Filters())


def test_the_page_shows_the_numbers_of_the_report(full: Dashboard, report: efficiency.View) -> None:
    at = full.open(REPORT)
    assert report.verdict in said(at)
    shown = {metric.label: metric.value for metric in at.metric}
    assert shown == {figure.label: figure.value for figure in report.figures}
    assert shown["Recipients"] == "60"


def test_people_and_robots_are_told_apart(report: efficiency.View) -> None:
    (day,) = report.days("clicks")
    assert day.human == 18  # every third of sixty, less those that are every tenth as well
    assert day.machine == 6
    assert report.rules()


def test_the_csv_holds_the_rows_of_the_page(full: Dashboard, report: efficiency.View) -> None:
    at = full.open(REPORT)
    text = efficiency.csv(report.report, "email campaign").decode()
    (cells,) = csv.DictReader(text.splitlines())
    assert cells["recipients"] == str(at.dataframe[0].value["recipients"][0])
    assert len(at.get("download_button")) == 2


def test_filters_come_from_the_address_and_go_there(full: Dashboard) -> None:
    at = full.open(REPORT, campaign="spring-26", period="30", window="14", since="nonsense")
    assert at.selectbox(key="efficiency.campaign").value == "spring-26"
    assert at.selectbox(key="efficiency.period").value == "30"
    assert "within 14 days" in said(at)
    at.selectbox(key="efficiency.period").set_value("all").run()
    assert "period" not in at.query_params
    assert at.query_params["window"] == "14"


def test_a_choice_without_result_says_how_to_get_out(full: Dashboard) -> None:
    at = full.open(REPORT, since="2001-01-01", until="2001-02-01")
    assert "Nothing to report in this choice" in said(at)
    press(at, "Show everything")
    assert at.metric[0].value == "60"


def test_a_period_that_ends_before_it_begins_gets_a_sentence(full: Dashboard) -> None:
    at = full.open(REPORT, since="2026-02-01", until="2026-01-01")
    assert "is empty: until has to be after since" in said(at)


def test_home_names_the_last_campaign_and_the_step_that_is_left(full: Dashboard, services: Services) -> None:
    at = full.open("")
    assert list(at.dataframe[0].value["name"]) == ["Spring news, first mail"]
    assert "What to do next" not in said(at)
    services.websites.delete("shop")
    at = full.open("")
    assert "Follow visits" in said(at)


def test_home_shows_what_goes_out(full: Dashboard, services: Services) -> None:
    services.sendings.queue(1, "again")
    at = full.open("")
    assert "Going out" in said(at)


def test_hits_of_a_website_are_shown_as_they_came(full: Dashboard) -> None:
    at = full.open("pages/tracking/websites.py", website="1")
    hits = at.dataframe[0].value
    assert len(hits) == 18
    assert set(hits["title"]) == {scenario.HOSTILE}
    assert "_paq" in said(at)


def test_a_website_is_added_and_its_snippet_shown(full: Dashboard, services: Services) -> None:
    at = full.open("pages/tracking/websites.py", website="new")
    at.text_input(key="website.name").set_value("Second shop")
    at.text_input(key="website.identifier").set_value("shop-2")
    at.text_input(key="website.url").set_value("https://two.example.com")
    keyed(at.multiselect, "website.campaigns").set_value([1])
    press(at, "Add website")
    assert services.websites.get("shop-2").campaign_ids == (1,)
    assert '"shop-2"' in said(at)


def test_a_bad_identifier_gets_its_sentence(full: Dashboard, services: Services) -> None:
    at = full.open("pages/tracking/websites.py", website="new")
    at.text_input(key="website.name").set_value("Second shop")
    at.text_input(key="website.identifier").set_value("shop 2")
    at.text_input(key="website.url").set_value("https://two.example.com")
    press(at, "Add website")
    assert "Identifier 'shop 2' cannot be sent" in said(at)
    assert len(services.websites.all()) == 1


def test_the_sink_shows_a_mail_and_nothing_outside_its_folder(full: Dashboard, services: Services) -> None:
    page = "pages/sending/sink.py"
    assert len(full.open(page).dataframe[0].value) == 50
    mail = sink.last(services, 1)[0]
    at = full.open(page, mail=mail.name)
    assert mail.subject in said(at)
    assert "List-Unsubscribe" in said(at)
    for name in ("../state.db", "../../x.eml", str(full.root / "shelduck.toml")):
        assert "No mail in the local sink" in said(full.open(page, mail=name))
