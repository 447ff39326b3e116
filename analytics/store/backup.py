"""Backup and restore of a whole workspace while it is at work.

The archive is a tar, compressed with Zstandard when its name ends in `.zst`. It is taken in this order: state, lake,
spool. So the lake is never behind the state: what the state has not yet exported comes again and the lake refuses what
it has already; nothing the state believes exported is missing.
"""

from __future__ import annotations

import errno
import io
import json
import os
import secrets
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
from sqlalchemy import insert, null, select, text, update

from analytics.errors import StoreError, WorkspaceError
from analytics.model.clock import Clock, SystemClock
from analytics.store.folder import Folder, sync_file, unwritable, writing
from analytics.store.lake import LOG
from analytics.store.state import State
from analytics.store.store import Store
from analytics.store.tables import FIRST_OF_INSTANCE, delivery, delivery_fact, lease, meta, sending

_MANIFEST = "manifest.json"
_FORMAT = 1
_LARGEST_STEP = 1000
_CHUNK = 1000
_UNFINISHED = ("scheduled", "freezing", "confirm", "sending", "paused")
_MAY_HAVE_LEFT = ("planned", "leased", "handed", "deferred")

RESTORED = "restored_from"
"""In a sending's `snapshot`: when the backup was taken it comes from. It is there until somebody decides about it."""


def backup(store: Store, target: Path) -> Path:
    """Write everything the workspace holds into the archive `target` (.tar or .tar.zst) and return its path.

    Others may go on reading and writing. An existing file is not overwritten; the archive appears under its name only
    when it is complete and on disk. Raises WorkspaceError when it cannot be written, StoreError when the state is on a
    PostgreSQL server, whose own `pg_dump` is the backup to use.
    """
    if store.state.file is None:
        raise StoreError(
            "The state is on a PostgreSQL server: back it up with pg_dump, then copy lake and spool. A dump restored "
            "by hand does not pause what it holds: before a worker starts on it, follow 'Restoring a backup' in "
            "docs/sending.md, or mails leave twice."
        )
    if not target.name.endswith((".tar", ".tar.zst")):
        raise WorkspaceError(f"{target} names no archive; let it end in .tar or .tar.zst.")
    if target.exists():
        raise WorkspaceError(f"{target} exists already and is not overwritten; choose another name.")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            with _archive_to(draft, compressed=target.name.endswith(".zst")) as archive:
                _write(store, archive)
            draft.chmod(0o600)  # it holds customers and the keys that sign links
            sync_file(draft)
            draft.replace(target)
            sync_file(target.parent)
    finally:
        draft.unlink(missing_ok=True)
    return target


def restore(
    archive: Path, folder: Folder | Path, *, nothing_left_since: bool = False, clock: Clock | None = None
) -> int:
    """Unpack `archive` into the new workspace `folder` and return its instance number, which is higher than before.

    Unfinished sendings are paused. The world went on after the backup, so what of them was not finished then may have
    left since and becomes `uncertain`, which nobody resends silently; one without an audience yet waits for somebody
    who knows whether it has been sent. With `nothing_left_since` (the workspace was stopped before the backup and
    never ran again) only what was being handed over then is uncertain, leased rows go back to planned, planned ones
    stay. What a cancelled sending was handing over is uncertain either way.

    Raises WorkspaceError when there is anything at `folder` already, or the archive is not one of ours or damaged.
    """
    folder = folder if isinstance(folder, Folder) else Folder(folder)
    _check_free(folder)
    clock = clock or SystemClock()
    with writing(folder.root):
        folder.root.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.root.name}.", dir=folder.root.parent))
    try:
        manifest = _unpack(archive, draft)
        state = State.in_file(Folder(draft).state_file)
        try:
            state.migrate()
            instance = _renumber(state)
            _raise_fences(state)
            _pause(state, clock.now(), str(manifest["taken_at"]), nothing_left_since=nothing_left_since)
        finally:
            state.close()
        Folder(draft).make()
        # They hold customers and the keys that sign links.
        draft.chmod(0o700)
        Folder(draft).state_file.chmod(0o600)
        with writing(folder.root):
            if folder.root.exists():
                folder.root.rmdir()
            draft.replace(folder.root)
            sync_file(folder.root.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return instance


def _check_free(folder: Folder) -> None:
    """Raise WorkspaceError unless there is nothing where a workspace is to be restored, or an empty folder."""
    root = folder.root
    if root.is_symlink() and not root.exists():
        raise WorkspaceError(f"{root} is a link that leads nowhere; restore into a new folder.")
    if not root.exists():
        return
    if not root.is_dir():
        raise WorkspaceError(f"{root} is a file; restore into a new folder.")
    with writing(root):
        found = sorted(path.name for path in root.iterdir())
    if found == [folder.model.name]:
        raise WorkspaceError(
            f"{root} is not empty: it holds {folder.model.name}/, as data/ of a checkout does, and a restored "
            f"workspace would replace these entity declarations. Restore into a new folder and name that with "
            f"SHELDUCK_HOME."
        )
    if found:
        raise WorkspaceError(f"{root} is not empty; restore into a new folder. It holds {', '.join(found[:5])}.")


# --- writing ---


def _write(store: Store, archive: tarfile.TarFile) -> None:
    manifest = {
        "format": _FORMAT,
        "workspace_id": store.workspace_id,
        "instance": store.instance,
        "taken_at": store.clock.now().isoformat(),
    }
    _add_bytes(archive, _MANIFEST, json.dumps(manifest).encode())
    with tempfile.TemporaryDirectory(prefix="shelduck-backup-") as scratch:
        copy = Path(scratch) / "state.db"
        _copy_sqlite(store, copy)
        archive.add(copy, "state.db")
    for name in store.lake.tables():
        with store.lake.kept(name) as (version, files):
            _add_table(archive, store.lake.root / name, f"lake/{name}", version, files)
    for path in (*store.spool.files("hits"), *store.spool.files("control")):
        _add_growing(archive, path, f"spool/{path.name}")
    _add_bytes(archive, store.folder.settings_file.name, store.settings.changed(lake_url=None).toml().encode())
    for part in (store.folder.model, store.folder.quarantine, store.folder.rejects, store.folder.memberships):
        for path in sorted(p for p in part.rglob("*") if p.is_file()):
            _add_growing(archive, path, path.relative_to(store.folder.root).as_posix())


def _copy_sqlite(store: Store, copy: Path) -> None:
    """Copy the state with SQLite's online backup: one moment of it, writers go on."""
    target = sqlite3.connect(copy)
    try:
        with store.state.read() as connection:
            raw = connection.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            raw.backup(target)
        target.execute("PRAGMA journal_mode=DELETE").close()  # one file, without a log beside it
    finally:
        target.close()


def _add_table(archive: tarfile.TarFile, table: Path, name: str, version: int, files: list[str]) -> None:
    """Add the files of one version and the log up to it; later entries of the log name files that are not there."""
    for file in files:
        archive.add(file, f"{name}/{Path(file).relative_to(table).as_posix()}")
    for entry in sorted((table / LOG).iterdir()):
        number = entry.name[:20]
        if number.isdigit() and int(number) <= version and entry.is_file():
            with suppress(FileNotFoundError):  # an expired entry was cleaned up; a later checkpoint covers it
                archive.add(entry, f"{name}/{LOG}/{entry.name}")


def _add_growing(archive: tarfile.TarFile, path: Path, name: str) -> None:
    """Add a file others may append to: as much of it as there is now.

    One that is gone since it was listed is passed: a spool file is pruned once the lake has all of it.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        info = archive.gettarinfo(arcname=name, fileobj=file)
        archive.addfile(info, file)


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(content), 0o600, int(datetime.now(UTC).timestamp())
    archive.addfile(info, io.BytesIO(content))


@contextmanager
def _archive_to(path: Path, *, compressed: bool) -> Iterator[tarfile.TarFile]:
    if not compressed:
        with tarfile.open(path, "w") as archive:
            yield archive
        return
    # Arrow brings Zstandard along; Python's own comes with 3.14.
    with (
        pa.CompressedOutputStream(pa.OSFile(str(path), "wb"), "zstd") as stream,
        tarfile.open(fileobj=stream, mode="w|") as archive,
    ):
        yield archive


# --- reading ---


def _unpack(archive: Path, folder: Path) -> dict[str, Any]:
    """Unpack into `folder` and return the manifest; the filter "data" refuses paths that lead out of it."""
    try:
        with _archive_from(archive) as tar:
            for member in tar:
                if not member.isfile() or ".." in PurePosixPath(member.name).parts:
                    raise WorkspaceError(f"{archive} holds {member.name!r}, which is no file of a workspace.")
                tar.extract(member, folder, filter="data")
        manifest = json.loads((folder / _MANIFEST).read_text("utf-8"))
        (folder / _MANIFEST).unlink()
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise unwritable(folder, error) from error
        raise WorkspaceError(f"{archive} cannot be restored: {error}. It is damaged, or no Shelduck backup.") from error
    if manifest.get("format") != _FORMAT:
        raise WorkspaceError(f"{archive} has format {manifest.get('format')!r}; this program restores {_FORMAT}.")
    if not (folder / "state.db").is_file():
        raise WorkspaceError(f"{archive} holds no state.db; it is no complete Shelduck backup.")
    return dict(manifest)


@contextmanager
def _archive_from(path: Path) -> Iterator[tarfile.TarFile]:
    with path.open("rb") as file:
        is_compressed = file.read(4) == b"\x28\xb5\x2f\xfd"  # RFC 8878 3.1.1
    if not is_compressed:
        with tarfile.open(path, "r:") as archive:
            yield archive
        return
    with (
        pa.CompressedInputStream(pa.OSFile(str(path), "rb"), "zstd") as stream,
        tarfile.open(fileobj=stream, mode="r|") as archive,
    ):
        yield archive


def _renumber(state: State) -> int:
    """Raise the instance number and return it.

    By a random step, so that two restores of one archive give different numbers and never the same delivery id.
    """
    with state.write() as connection:
        old = connection.execute(select(meta.c.value).where(meta.c.name == "instance")).scalar_one()
        instance = int(old) + 1 + secrets.randbelow(_LARGEST_STEP)
        connection.execute(update(meta).where(meta.c.name == "instance").values(value=instance))
        # The lake may hold facts the old workspace numbered after the backup: new ones are numbered above all of those.
        connection.execute(text("delete from sqlite_sequence where name = 'delivery_fact'"))
        connection.execute(
            text("insert into sqlite_sequence (name, seq) values ('delivery_fact', :seq)"),
            {"seq": instance * FIRST_OF_INSTANCE},
        )
    return instance


def _raise_fences(state: State) -> None:
    """Free every lease: whoever held one holds none of this workspace."""
    with state.write() as connection:
        connection.execute(update(lease).values(owner=None, until=None, fence=lease.c.fence + 1))


def unsent_since(taken_at: str) -> str:
    """Return what is to be said of a sending restored without an audience, to follow its name."""
    return (
        f"restored from the backup of {taken_at}, taken before its audience was frozen: the original workspace may "
        f"have sent it to everybody since. Cancel it, or, if you know that nobody got it, let it start with "
        f"`shelduck sending confirm`"
    )


def _pause(state: State, now: datetime, taken_at: str, *, nothing_left_since: bool) -> None:
    reason = f"restored from the backup of {taken_at}; look at the uncertain deliveries before you resume"
    is_unfinished = sending.c.status.in_(_UNFINISHED)
    with state.write() as connection:
        unfinished = connection.execute(select(sending.c.id).where(is_unfinished)).scalars().all()
        others = connection.execute(select(sending.c.id).where(~is_unfinished)).scalars().all()
        unsent = select(sending.c.id, sending.c.snapshot).where(is_unfinished, sending.c.first_delivery_id.is_(None))
        open_ones = connection.execute(unsent.where(sending.c.frozen_at.is_(None))).all()
        connection.execute(
            update(sending).where(sending.c.id.in_(unfinished)).values(status="paused", status_reason=reason)
        )
        for row in open_ones:
            # The backup has no frozen audience, so its freeze begins anew. An older restore's question stays open.
            since = (row.snapshot or {}).get(RESTORED) or (None if nothing_left_since else taken_at)
            values: dict[str, Any] = {"snapshot": null(), "status_reason": f"restored from the backup of {taken_at}"}
            if since is not None:
                values = {"snapshot": {RESTORED: since}, "status_reason": unsent_since(since)}
            connection.execute(update(sending).where(sending.c.id == row.id).values(values))
    uncertain = ("handed",) if nothing_left_since else _MAY_HAVE_LEFT
    for number in unfinished:
        while _mark_uncertain(state, number, uncertain, now):
            pass
        with state.write() as connection:
            connection.execute(
                update(delivery)
                .where(delivery.c.sending_id == number, delivery.c.state == "leased")
                .values(state="planned", lease_owner=None, lease_until=None, updated_at=now)
            )
    for number in others:
        while _mark_uncertain(state, number, ("handed",), now):
            pass


def _mark_uncertain(state: State, number: int, states: tuple[str, ...], now: datetime) -> int:
    """Mark one chunk of a sending's deliveries, each with its fact for the reports; returns how many."""
    with state.write() as connection:
        rows = connection.execute(
            select(delivery.c.id)
            .where(delivery.c.sending_id == number, delivery.c.state.in_(states))
            .order_by(delivery.c.id)
            .limit(_CHUNK)
        ).scalars().all()  # fmt: skip
        if rows:
            connection.execute(
                update(delivery)
                .where(delivery.c.id.in_(rows))
                .values(state="uncertain", reason="restored", lease_owner=None, lease_until=None, updated_at=now)
            )
            facts = [
                {"delivery_id": row, "sending_id": number, "state": "uncertain", "reason": "restored", "at": now}
                for row in rows
            ]
            connection.execute(insert(delivery_fact), facts)
    return len(rows)
