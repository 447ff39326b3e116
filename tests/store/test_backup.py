"""Backup and restore: everything comes back, and nobody is mailed twice because of it."""

from __future__ import annotations

import tarfile
import threading
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import insert, select

from analytics.errors import StoreError, WorkspaceError
from analytics.settings import Settings
from analytics.store import Store
from analytics.store.backup import backup, restore
from analytics.store.spool import Kind, SpoolFolder
from analytics.store.tables import delivery, delivery_fact, email_campaign, marketing_list, sending, template
from tests.store.shop import NOW

STATES = ("planned", "leased", "handed", "deferred", "accepted", "rejected", "skipped")


@pytest.fixture
def full(store: Store) -> Store:
    """A workspace with rows everywhere and one sending under way, one done."""
    with store.state.write() as connection:
        made = {"created_at": NOW, "updated_at": NOW}
        connection.execute(
            insert(marketing_list).values(
                name="l",
                entity="customer_user",
                kind="dynamic",
                channel="email",
                contact="email",
                definition={},
                **made,
            )
        )
        connection.execute(insert(template).values(name="t", subject="s", html="h", **made))
        connection.execute(
            insert(email_campaign).values(name="c", list_id=1, template_id=1, sender_email="a@example.com", **made)
        )
        for number, status in ((1, "sending"), (2, "done"), (3, "scheduled")):
            connection.execute(
                insert(sending).values(
                    email_campaign_id=1, request_key=str(number), status=status, scheduled_for=NOW, settings={},
                    created_at=NOW,
                )
            )  # fmt: skip
        for number, state in enumerate(STATES):
            connection.execute(
                insert(delivery).values(
                    id=number, sending_id=1, address_key=f"{state}@example.com", address=f"{state}@example.com",
                    person="p", entity_key="k", state=state, due_at=NOW, message_id="m", values={}, updated_at=NOW,
                )
            )  # fmt: skip
    store.lake.merge("customer_user", pa.table({"id": ["a", "b"]}))
    store.lake.merge("customer_user", pa.table({"id": ["c"]}), ["a"])
    store.lake.append("events", pa.table({"event_id": ["e"]}), app_id="spool/x", version=3)
    with_lines = store.spool.writer("hits")
    with_lines.append(b'{"id": 1}\n')
    with_lines.close()
    (store.folder.model / "boat.toml").write_text("name = 'boat'\n")
    store.keys.signing()
    return store


def states(store: Store) -> dict[str, str]:
    with store.state.read() as connection:
        rows = connection.execute(select(delivery.c.address_key, delivery.c.state))
        return {row.address_key.partition("@")[0]: row.state for row in rows}


@pytest.mark.parametrize("name", ["b.tar", "b.tar.zst"])
def test_everything_comes_back(full: Store, tmp_path: Path, name: str) -> None:
    archive = backup(full, tmp_path / "back ups" / name)
    instance = restore(archive, tmp_path / "a new #place")
    with Store.open(tmp_path / "a new #place") as again:
        assert again.instance == instance > full.instance
        assert again.workspace_id == full.workspace_id
        assert again.keys.secrets() == full.keys.secrets()
        assert again.snapshot().versions == full.snapshot().versions
        assert again.lake.committed("events", "spool/x") == 3
        assert len(again.snapshot().tables["customer_user"].files) == 1
        again.lake.merge("customer_user", pa.table({"id": ["z"]}))
        (spooled,) = again.spool.files("hits")
        assert again.spool.read(spooled, 0) == ([b'{"id": 1}'], 10)
        assert (again.folder.model / "boat.toml").read_text() == "name = 'boat'\n"
        assert again.settings == full.settings


def test_what_may_have_left_since_is_uncertain_and_its_sending_paused(full: Store, tmp_path: Path) -> None:
    restore(backup(full, tmp_path / "b.tar"), tmp_path / "new")
    with Store.open(tmp_path / "new") as again:
        may_have_left = dict.fromkeys(("planned", "leased", "handed", "deferred"), "uncertain")
        assert states(again) == {**may_have_left, "accepted": "accepted", "rejected": "rejected", "skipped": "skipped"}
        with again.state.read() as connection:
            found = connection.execute(select(sending.c.status, sending.c.status_reason).order_by(sending.c.id)).all()
            facts = connection.execute(select(delivery_fact.c.state, delivery_fact.c.reason)).all()
        assert [row.status for row in found] == ["paused", "done", "paused"]
        assert "restored from the backup of 2026-03-01T12:00:00+00:00" in found[0].status_reason
        assert facts == [("uncertain", "restored")] * 4


def test_after_a_stop_only_what_was_being_handed_over_is_uncertain(full: Store, tmp_path: Path) -> None:
    restore(backup(full, tmp_path / "b.tar"), tmp_path / "new", nothing_left_since=True)
    with Store.open(tmp_path / "new") as again:
        assert states(again) == {
            "planned": "planned", "leased": "planned", "handed": "uncertain", "deferred": "deferred",
            "accepted": "accepted", "rejected": "rejected", "skipped": "skipped",
        }  # fmt: skip


@pytest.mark.parametrize("nothing_left_since", [False, True])
def test_what_a_cancelled_sending_was_handing_over_is_uncertain(
    full: Store, tmp_path: Path, nothing_left_since: bool
) -> None:
    with full.state.write() as connection:
        connection.execute(sending.update().where(sending.c.id == 1).values(status="cancelled", finished_at=NOW))
    restore(backup(full, tmp_path / "b.tar"), tmp_path / "new", nothing_left_since=nothing_left_since)
    with Store.open(tmp_path / "new") as again:
        assert states(again)["handed"] == "uncertain"
        with again.state.read() as connection:
            assert connection.execute(select(sending.c.status).where(sending.c.id == 1)).scalar_one() == "cancelled"
            facts = connection.execute(select(delivery_fact.c.state, delivery_fact.c.reason)).all()
        assert facts == [("uncertain", "restored")]


def test_a_restored_workspace_is_its_owners_alone(full: Store, tmp_path: Path) -> None:
    restore(backup(full, tmp_path / "b.tar"), tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new" / "state.db").stat().st_mode & 0o777 == 0o600


def test_a_place_that_is_taken_is_refused_with_the_reason(full: Store, tmp_path: Path) -> None:
    archive = backup(full, tmp_path / "b.tar")
    with pytest.raises(WorkspaceError, match=r"b\.tar is a file; restore into a new folder"):
        restore(archive, archive)
    with pytest.raises(WorkspaceError, match="there is a file of that name"):
        restore(archive, archive / "below")
    (tmp_path / "data" / "model").mkdir(parents=True)
    with pytest.raises(WorkspaceError, match=r"holds model/, as data/ of a checkout does.*SHELDUCK_HOME"):
        restore(archive, tmp_path / "data")


def test_a_spool_file_pruned_meanwhile_is_passed(full: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = SpoolFolder.files

    def pruned_at_once(spool: SpoolFolder, kind: Kind) -> list[Path]:
        found = listed(spool, kind)
        for path in found:
            path.unlink()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(SpoolFolder, "files", pruned_at_once)
        archive = backup(full, tmp_path / "b.tar")
    restore(archive, tmp_path / "new")
    with Store.open(tmp_path / "new") as again:
        assert again.spool.files("hits") == []


def test_two_restores_of_one_archive_differ_in_their_instance(full: Store, tmp_path: Path) -> None:
    archive = backup(full, tmp_path / "b.tar")
    numbers = [restore(archive, tmp_path / f"new{n}") for n in range(4)]
    assert len(set(numbers)) > 1


def test_a_backup_is_whole_while_others_write(full: Store, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        number = 100
        while not stop.is_set():
            number += 1
            full.lake.append("events", pa.table({"event_id": [str(number)]}), app_id="w", version=number)
            full.lake.merge("customer_user", pa.table({"id": [str(number)]}))
            full.lake.vacuum("customer_user", timedelta(0))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        archives = [backup(full, tmp_path / f"{n}.tar.zst") for n in range(3)]
    finally:
        stop.set()
        writer.join()
    for number, archive in enumerate(archives):
        restore(archive, tmp_path / str(number))
        with Store.open(tmp_path / str(number)) as again:
            assert all(Path(f).exists() for t in again.snapshot().tables.values() for f in t.files)


def test_nothing_is_overwritten(full: Store, tmp_path: Path) -> None:
    archive = backup(full, tmp_path / "b.tar")
    with pytest.raises(WorkspaceError, match=r"b\.tar exists already"):
        backup(full, archive)
    with pytest.raises(WorkspaceError, match="is not empty; restore into a new folder"):
        restore(archive, full.folder)
    with pytest.raises(WorkspaceError, match=r"end in \.tar or \.tar\.zst"):
        backup(full, tmp_path / "b.zip")


@pytest.mark.parametrize("cut", [10, 3000, -2000])
def test_a_damaged_archive_is_refused_and_leaves_nothing(full: Store, tmp_path: Path, cut: int) -> None:
    archive = backup(full, tmp_path / "b.tar.zst")
    archive.write_bytes(archive.read_bytes()[:cut])
    with pytest.raises(WorkspaceError, match=r"b\.tar\.zst"):
        restore(archive, tmp_path / "new")
    assert sorted(p.name for p in tmp_path.iterdir() if p != full.folder.root) == ["b.tar.zst"]


def test_an_archive_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    bad = tmp_path / "bad.tar"
    with tarfile.open(bad, "w") as archive:
        archive.add(__file__, "../escaped")
    with pytest.raises(WorkspaceError, match=r"'\.\./escaped', which is no file of a workspace"):
        restore(bad, tmp_path / "new")
    assert not (tmp_path / "escaped").exists()


@pytest.mark.postgres
def test_a_state_on_postgres_is_left_to_its_own_backup(tmp_path: Path, postgres_url) -> None:  # type: ignore[no-untyped-def]
    store = Store.create(tmp_path / "ws", Settings(state_url=postgres_url()))
    with store, pytest.raises(StoreError, match="pg_dump"):
        backup(store, tmp_path / "b.tar")
