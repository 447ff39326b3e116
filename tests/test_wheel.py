"""The wheel has everything the product opens at run time, not the Python modules alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel built of the tracked files alone, so that nothing lying about gets in."""
    copy, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("wheels")
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("the wheel is built of the files git tracks, and this is no git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(out), str(copy)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize(
    "name",
    [
        "_shipped/app.py",
        "_shipped/pages/start/home.py",
        "_shipped/pages/_ui/session.py",
        "_shipped/.streamlit/config.toml",
        "_shipped/model/order.toml",
        "collector/static/tracker.js",
        "reports/sql/efficiency_visits.sql",
        "tracking/sql/identities.sql",
        "templates/starters/newsletter.html",
    ],
)
def test_the_wheel_has(names: set[str], name: str) -> None:
    assert f"analytics/{name}" in names


def test_every_tracked_file_of_the_package_and_the_dashboard_is_in_it(names: set[str]) -> None:
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "analytics", "pages", "data/model"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            where = name if name.startswith("analytics/") else f"analytics/_shipped/{name.removeprefix('data/')}"
            assert where in names


def test_tests_and_benchmarks_stay_out(names: set[str]) -> None:
    assert {name.split("/")[0] for name in names if not name.startswith("shelduck-")} == {"analytics"}
