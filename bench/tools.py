"""The programs of others that benchmarks run beside ours, and the Debian packages they come in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

# Benchmark: {program: Debian package}.
NEEDED = {
    "collector": {"nginx": "nginx", "wrk": "wrk"},
    "send": {"smtp-sink": "postfix", "smtp-source": "postfix"},
}
_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin")  # servers' programs, often not on a user's PATH


def find(program: str, path: str | None = None) -> str | None:
    """Return where a program is, on `path` (by default PATH and the folders of servers' programs), or None."""
    if path is None:
        path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_FOLDERS))
    return shutil.which(program, path=path)


def missing(names: Iterable[str], path: str | None = None) -> str | None:
    """Return one sentence naming every program the benchmarks `names` lack and how Debian installs them, or None."""
    lacking = {p: package for n in names for p, package in NEEDED.get(n, {}).items() if find(p, path) is None}
    if not lacking:
        return None
    packages = " ".join(dict.fromkeys(lacking.values()))
    verb = "is" if len(lacking) == 1 else "are"
    return (
        f"{', '.join(lacking)} {verb} missing on this machine, so nothing was measured; "
        f"on Debian: apt-get install {packages}."
    )
