"""The three stores of a workspace: lake, state and spool."""

from analytics.store.folder import Folder
from analytics.store.snapshot import PinnedTable, Snapshot, SnapshotGone
from analytics.store.store import Store

__all__ = ["Folder", "PinnedTable", "Snapshot", "SnapshotGone", "Store"]
