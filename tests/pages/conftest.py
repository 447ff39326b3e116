"""The dashboard over a workspace of its own, run in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from analytics.services import Services
from analytics.views import audience_preview
from tests.pages import workspace

APP = Path(__file__).resolve().parents[2] / "app.py"


class Dashboard:
    """Opens pages as a browser session would."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def open(self, page: str, **parameters: str) -> AppTest:
        """Return the page (a path such as "pages/audience/data.py") after its first run."""
        at = AppTest.from_file(str(APP), default_timeout=60)
        for name, value in parameters.items():
            at.query_params[name] = value
        if page:
            at.switch_page(page)
        at.run()
        assert not at.exception, at.exception
        return at


def said(at: AppTest) -> str:
    """Return every sentence on the page: headings, text, notices, errors."""
    kinds = (
        at.title,
        at.subheader,
        at.markdown,
        at.caption,
        at.error,
        at.warning,
        at.info,
        at.success,
        at.toast,
        at.code,
    )
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "").replace("\u2060", "")


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine makes no count a slow one, which would wait to be asked for; the test of those says so itself."""
    monkeypatch.setattr(audience_preview, "SLOW", 600_000)


@pytest.fixture(scope="session")
def prepared_empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspace.make(tmp_path_factory.mktemp("empty"), filled=False)


@pytest.fixture(scope="session")
def prepared_full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspace.make(tmp_path_factory.mktemp("full"), filled=True)


@pytest.fixture
def empty(prepared_empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dashboard]:
    """The dashboard of a workspace nobody has used yet."""
    yield from _dashboard(workspace.copy(prepared_empty, tmp_path), monkeypatch)


@pytest.fixture
def full(prepared_full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dashboard]:
    """The dashboard of a workspace with a small shop in it."""
    yield from _dashboard(workspace.copy(prepared_full, tmp_path), monkeypatch)


@pytest.fixture
def services(full: Dashboard) -> Iterator[Services]:
    """Services over the same workspace as `full`, as another process would have them."""
    with workspace.services_of(full.root) as opened:
        yield opened


def _dashboard(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dashboard]:
    from pages._ui import session

    monkeypatch.setenv("SHELDUCK_HOME", str(root))
    st.cache_resource.clear()
    st.cache_data.clear()
    yield Dashboard(root)
    session.services().close()
    st.cache_resource.clear()
    st.cache_data.clear()


def press(at: AppTest, label: str) -> AppTest:
    """Press the one button with this label and return the page after it."""
    found = [b for b in at.button if b.label == label]
    assert len(found) == 1, (label, [b.label for b in at.button])
    found[0].click().run()
    assert not at.exception, at.exception
    return at


def keyed(elements: Sequence[Any], ending: str) -> Any:
    """Return the one widget whose key ends so."""
    found = [e for e in elements if e.key and e.key.endswith(ending)]
    assert len(found) == 1, (ending, [e.key for e in elements])
    return found[0]
