"""Every page opens, on an empty workspace and on one with data, and says what to do next."""

from __future__ import annotations

import pytest

from tests.pages.conftest import Dashboard, said

PAGES = (
    "pages/start/home.py",
    "pages/audience/data.py",
    "pages/audience/lists.py",
    "pages/audience/segments.py",
    "pages/audience/suppressions.py",
    "pages/sending/templates.py",
    "pages/sending/email_campaigns.py",
    "pages/sending/calls.py",
    "pages/sending/sink.py",
    "pages/campaigns/marketing_campaigns.py",
    "pages/tracking/websites.py",
    "pages/reporting/efficiency.py",
)


@pytest.mark.parametrize("page", PAGES)
def test_it_opens_on_an_empty_workspace_with_a_next_step(empty: Dashboard, page: str) -> None:
    at = empty.open(page)
    assert not at.error, [e.value for e in at.error]
    assert at.title
    assert at.button or at.get("file_uploader")


@pytest.mark.parametrize("page", PAGES)
def test_it_opens_on_a_workspace_with_data(full: Dashboard, page: str) -> None:
    at = full.open(page)
    assert not at.error, [e.value for e in at.error]


@pytest.mark.parametrize("page", PAGES)
def test_it_says_that_mails_stay_here_and_that_no_worker_runs(empty: Dashboard, page: str) -> None:
    at = empty.open(page)
    assert "Local sink only" in said(at)
    assert any("worker is not running" in w.value for w in at.warning)


@pytest.mark.parametrize("page", PAGES)
def test_a_number_that_names_nothing_gets_a_sentence(full: Dashboard, page: str) -> None:
    at = full.open(page, campaign="99999", list="99999", template="99999", website="99999", mail="../state.db")
    assert all("Something went wrong" not in e.value for e in at.error)
