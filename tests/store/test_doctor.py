"""What a loss of power leaves behind is found and set aside, and the work goes on."""

from __future__ import annotations

import pyarrow as pa
import pytest

from analytics.errors import StoreError
from analytics.store import Store
from analytics.store.doctor import examine


@pytest.fixture
def used(store: Store) -> Store:
    for n in range(1, 4):
        store.lake.append("events", pa.table({"event_id": [str(n)]}), app_id="spool/x", version=n)
    store.close()
    return store


def test_a_sound_workspace_has_no_findings(used: Store) -> None:
    assert examine(used.folder) == []


@pytest.mark.parametrize("content", [b"", b'{"commitInfo":{"times'])
def test_an_incomplete_last_commit_is_set_aside_and_can_be_repeated(used: Store, content: bytes) -> None:
    entry = used.folder.lake / "events" / "_delta_log" / f"{3:020d}.json"
    entry.write_bytes(content)
    assert [(f.place, f.is_repaired) for f in examine(used.folder)] == [(entry, False)]
    assert entry.exists()
    assert [f.is_repaired for f in examine(used.folder, repair=True)] == [True]
    assert examine(used.folder) == []
    with Store.open(used.folder) as again:
        assert again.lake.committed("events", "spool/x") == 2
        assert again.lake.append("events", pa.table({"event_id": ["3"]}), app_id="spool/x", version=3)
    assert (used.folder.quarantine / f"events-{3:020d}.json").read_bytes() == content


def test_a_commit_whose_file_never_reached_the_disk_goes_with_those_after_it(used: Store) -> None:
    with Store.open(used.folder) as store:
        _, files = store.lake.pin()["events"]
    entries = sorted((used.folder.lake / "events" / "_delta_log").glob("*.json"))
    second = next(f for f in files if f.rpartition("/")[2] in entries[2].read_text())
    with open(second, "wb"):  # noqa: PTH123  # emptied as a power loss would
        pass
    findings = examine(used.folder, repair=True)
    assert [f.place for f in findings] == [entries[3], entries[2]]
    with Store.open(used.folder) as again:
        assert again.lake.committed("events", "spool/x") == 1


def test_an_incomplete_checkpoint_is_set_aside(used: Store) -> None:
    log = used.folder.lake / "events" / "_delta_log"
    (log / f"{2:020d}.checkpoint.parquet").write_bytes(b"")
    (log / "_last_checkpoint").write_text('{"version":2,"size":1}')
    with pytest.raises(StoreError, match="shelduck doctor"), Store.open(used.folder):
        pass
    assert len(examine(used.folder, repair=True)) == 2
    with Store.open(used.folder) as again:
        assert again.lake.committed("events", "spool/x") == 3


def test_zero_bytes_in_the_spool_are_reported(used: Store) -> None:
    writer = used.spool.writer("hits")
    writer.append(b"\x00\x00\n")
    writer.close()
    (finding,) = examine(used.folder)
    assert "zero bytes" in finding.what
