"""The store of a workspace: folder, settings, clock, lake, state, spool, leases and link keys in one value."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy import select

from analytics.errors import SettingsError, WorkspaceError
from analytics.model.clock import Clock, SystemClock
from analytics.model.streams import STREAMS
from analytics.settings import Settings
from analytics.store.folder import Folder
from analytics.store.keys import LinkKeys
from analytics.store.lake import Lake
from analytics.store.leases import Leases
from analytics.store.snapshot import PinnedTable, Snapshot
from analytics.store.spool import SpoolFolder
from analytics.store.state import State, upsert
from analytics.store.tables import meta


@dataclass(frozen=True)
class Store:
    """Everything a workspace keeps. One object may serve many threads; every process opens its own."""

    folder: Folder
    settings: Settings
    clock: Clock
    lake: Lake
    state: State
    spool: SpoolFolder
    leases: Leases
    keys: LinkKeys
    instance: int
    workspace_id: str

    @classmethod
    def create(cls, folder: Folder | Path, settings: Settings | None = None, clock: Clock | None = None) -> Store:
        """Make a new workspace in `folder` and return its store.

        Raises WorkspaceError when there is one already (nothing is overwritten), when the folder holds a state or a
        lake without settings, or when it cannot be written.
        """
        folder = folder if isinstance(folder, Folder) else Folder(folder)
        if folder.is_workspace:
            raise WorkspaceError(f"{folder.root} is a workspace already; open it, or choose another folder.")
        for leftover in (folder.state_file, folder.lake):
            if leftover.is_file() or (leftover.is_dir() and any(leftover.iterdir())):
                raise WorkspaceError(
                    f"{leftover} exists, but {folder.settings_file.name} does not: put that file back "
                    f"(an empty one will do) or choose another folder."
                )
        folder.make()
        folder.check_writable()
        settings = settings or Settings()
        store = cls._assemble(folder, settings, clock or SystemClock())
        settings.save(folder.root)  # last: a folder with settings is a complete workspace
        return store

    @classmethod
    def open(
        cls, folder: Folder | Path | None = None, settings: Settings | None = None, clock: Clock | None = None
    ) -> Store:
        """Open the workspace in `folder` (default: the one found from here), its state brought up to date.

        Never creates one: raises WorkspaceError saying where it looked and what to do.
        """
        folder = _found(folder)
        if not folder.is_workspace:
            raise WorkspaceError(
                f"{folder.root} is no workspace: it has no {folder.settings_file.name}. "
                f"Create one with `shelduck init`, or name another with SHELDUCK_HOME."
            )
        settings = settings or Settings.load(folder.root)
        folder.make()
        return cls._assemble(folder, settings, clock or SystemClock())

    @classmethod
    def _assemble(cls, folder: Folder, settings: Settings, clock: Clock) -> Store:
        state = State(settings.state_url) if settings.state_url else State.in_file(folder.state_file)
        try:
            state.migrate()
            instance, workspace_id = _identity(state)
            leases = Leases(state)
            lake = Lake(_lake_root(folder, settings), leases, clock)
            for schema in STREAMS:
                lake.ensure(schema)
        except BaseException:
            state.close()
            raise
        return cls(
            folder=folder,
            settings=settings,
            clock=clock,
            lake=lake,
            state=state,
            spool=SpoolFolder(folder.spool, clock),
            leases=leases,
            keys=LinkKeys(state, clock),
            instance=instance,
            workspace_id=workspace_id,
        )

    def snapshot(self) -> Snapshot:
        """Return the newest version of every table of the lake, as one value."""
        taken_at = self.clock.now()
        tables = {
            name: PinnedTable(self.lake.schema(name), version, tuple(files))
            for name, (version, files) in self.lake.pin().items()
        }
        return Snapshot(taken_at, tables)

    def close(self) -> None:
        """Give back what the store holds open."""
        self.state.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _found(folder: Folder | Path | None) -> Folder:
    if isinstance(folder, Folder):
        return folder
    root = folder or Folder.find()
    if root is None:
        raise WorkspaceError(
            f"No workspace found from {Path.cwd()} upward: no shelduck.toml, none in data/, and SHELDUCK_HOME is not "
            f"set. Create one with `shelduck init`, or name one with SHELDUCK_HOME."
        )
    return Folder(root)


def _lake_root(folder: Folder, settings: Settings) -> Path:
    if settings.lake_url is None:
        return folder.lake
    parts = urlsplit(settings.lake_url)
    if parts.scheme not in ("", "file"):
        raise SettingsError("lake_url", settings.lake_url, "a folder or a file:// address")
    return Path(unquote(parts.path) if parts.scheme else settings.lake_url)


def _identity(state: State) -> tuple[int, str]:
    """Return (instance number, workspace id), made at the first opening."""
    names = select(meta.c.name, meta.c.value).where(meta.c.name.in_(["instance", "workspace_id"]))
    with state.read() as connection:
        known = {row.name: row.value for row in connection.execute(names)}
    if len(known) < 2:
        fresh: list[dict[str, object]] = [
            {"name": "instance", "value": 1},
            {"name": "workspace_id", "value": str(uuid.uuid4())},
        ]
        with state.write() as connection:
            upsert(connection, meta, fresh, ["name"])
            known = {row.name: row.value for row in connection.execute(names)}
    return int(known["instance"]), str(known["workspace_id"])
