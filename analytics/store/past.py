"""The lake as it was: a snapshot of versions that were noted when something was computed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from analytics.store.lake import local_path
from analytics.store.snapshot import PinnedTable, Snapshot, SnapshotGone
from analytics.store.store import Store


def past_snapshot(store: Store, versions: Mapping[str, int], at: datetime) -> Snapshot:
    """Return the snapshot of these versions by table (as `Snapshot.versions` gave them), taken at `at`.

    Columns declared since are empty. Raises SnapshotGone naming the table when one of its files was cleaned up.
    """
    tables = {}
    for name, version in versions.items():
        try:
            handle = DeltaTable(str(store.lake.root / name), version=version)
            files = tuple(local_path(uri) for uri in handle.file_uris())
        except (DeltaError, OSError, ValueError):
            raise _gone(name, version) from None
        if not all(Path(file).exists() for file in files):
            raise _gone(name, version)
        tables[name] = PinnedTable(store.lake.schema(name), version, files)
    return Snapshot(at, tables)


def _gone(name: str, version: int) -> SnapshotGone:
    return SnapshotGone(f"Version {version} of table {name} has been cleaned up.")
