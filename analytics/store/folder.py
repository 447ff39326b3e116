"""The folder of a workspace: where everything lives, and the two file operations durability needs."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from analytics.errors import WorkspaceError
from analytics.settings import SETTINGS_FILE


@dataclass(frozen=True)
class Folder:
    """The paths of a workspace. `root` may hold spaces, umlauts and `#`."""

    root: Path

    @property
    def settings_file(self) -> Path:
        """`shelduck.toml`: its presence makes a folder a workspace."""
        return self.root / SETTINGS_FILE

    @property
    def state_file(self) -> Path:
        """The SQLite database of the state."""
        return self.root / "state.db"

    @property
    def lake(self) -> Path:
        """The Delta tables, one folder each."""
        return self.root / "lake"

    @property
    def spool(self) -> Path:
        """What the collector wrote."""
        return self.root / "spool"

    @property
    def model(self) -> Path:
        """The user's own entity declarations."""
        return self.root / "model"

    @property
    def rejects(self) -> Path:
        """Rows imports refused, with their reasons."""
        return self.root / "rejects"

    @property
    def logs(self) -> Path:
        """Log files of processes."""
        return self.root / "logs"

    @property
    def quarantine(self) -> Path:
        """Spool lines that could not be parsed, with their reasons."""
        return self.root / "quarantine"

    @property
    def backups(self) -> Path:
        """Where backups go unless told otherwise."""
        return self.root / "backups"

    @property
    def frozen(self) -> Path:
        """Audiences on their way into the ledger."""
        return self.root / "frozen"

    @property
    def memberships(self) -> Path:
        """Who was in each segment and list when it was last measured."""
        return self.root / "memberships"

    @property
    def sink(self) -> Path:
        """Mails the local sink caught."""
        return self.root / "sink"

    @property
    def parts(self) -> tuple[Path, ...]:
        """The folders a workspace consists of."""
        return (
            self.lake,
            self.spool,
            self.model,
            self.rejects,
            self.logs,
            self.quarantine,
            self.backups,
            self.frozen,
            self.memberships,
            self.sink,
        )

    @property
    def is_workspace(self) -> bool:
        """Whether somebody created a workspace here."""
        return self.settings_file.is_file()

    @staticmethod
    def find(start: Path | None = None, env: Mapping[str, str] | None = None) -> Path | None:
        """Return the root of the workspace meant from `start` (default: the current folder), or None.

        `SHELDUCK_HOME` decides if set; else the nearest folder upward that holds `shelduck.toml`, or holds it in
        `data/`.
        """
        home = (os.environ if env is None else env).get("SHELDUCK_HOME")
        if home:
            return Path(home).expanduser().resolve()
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            for candidate in (folder, folder / "data"):
                if Folder(candidate).is_workspace:
                    return candidate
        return None

    def make(self) -> None:
        """Create the folders that are missing; raises WorkspaceError when one cannot be written."""
        with writing(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        for part in self.parts:
            with writing(part):
                part.mkdir(exist_ok=True)

    def check_writable(self) -> None:
        """Raise WorkspaceError naming the first folder of the workspace that cannot be written."""
        for part in (self.root, *(p for p in self.parts if p.exists())):
            probe = part / f".probe-{os.getpid()}"
            with writing(part):
                probe.write_bytes(b"")
                probe.unlink()


_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "this user may not write there",
    errno.EPERM: "this user may not write there",
    errno.EROFS: "the file system is read-only",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EEXIST: "there is a file of that name",
    errno.ENOENT: "the folder does not exist",
    errno.EMFILE: "this process has too many files open",
    errno.EIO: "the disk reported an error",
}


def unwritable(path: Path, error: OSError) -> WorkspaceError:
    """Return the sentence for a path that could not be written: what is wrong and what would help."""
    reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
    return WorkspaceError(f"{path} cannot be written: {reason}. Free it or choose another workspace folder.")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError while writing `path` into a WorkspaceError that names it."""
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error


def sync_file(path: Path) -> None:
    """Put the content of a file or the entries of a folder on disk (fsync)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(files: Iterable[Path]) -> None:
    """Put files on disk, then the folders that name them; a file that is gone meanwhile was replaced and is passed."""
    folders: dict[Path, None] = {}
    for file in files:
        try:
            sync_file(file)
        except FileNotFoundError:
            continue
        folders[file.parent] = None
    for folder in folders:
        sync_file(folder)
