"""Imports on screen: which kind a file is guessed to hold, and how a job is followed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.bootstrap import create_services
from analytics.errors import WorkspaceError
from analytics.services import Services
from analytics.store.jobs import Jobs
from analytics.views import imports


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with create_services(tmp_path / "w") as opened:
        yield opened


@pytest.mark.parametrize(
    ("name", "entity"),
    [
        ("Orders 2026.csv", "order"),
        ("order-items.parquet", "order_item"),
        ("export_contacts_final.xlsx", "contact"),
        ("something.csv", "customer_user"),
    ],
)
def test_the_kind_is_guessed_from_the_name(services: Services, name: str, entity: str) -> None:
    assert imports.guessed_entity(services, name) == entity


def test_a_job_is_followed_to_its_rejects(services: Services) -> None:
    upload = imports.keep(services, "abcdef0123456789", "orders.csv", io.BytesIO(b"id\n1\n"))
    number = imports.enqueue(services, upload, imports.Choices("order"))
    followed = imports.follow(services, number)
    assert (followed.is_over, followed.share, followed.rejects) == (False, None, None)
    jobs = Jobs(services.store.state)
    jobs.claim(["import"], "me")
    jobs.note(number, "me", 5, 10)
    assert imports.follow(services, number).share == 0.5
    services.store.folder.rejects.mkdir(exist_ok=True)
    rejects = services.store.folder.rejects / f"{upload.path.stem}-20261124T000000Z.csv"
    rejects.write_text("line,column,value,reason\n")
    jobs.finish(number, "me", "done")
    followed = imports.follow(services, number)
    assert (followed.is_over, followed.rejects) == (True, rejects)


def test_a_folder_that_cannot_be_written_is_said(services: Services) -> None:
    (services.store.folder.root / "uploads").write_text("in the way")
    with pytest.raises(WorkspaceError):
        imports.keep(services, "abcdef0123456789", "orders.csv", io.BytesIO(b"id\n"))
