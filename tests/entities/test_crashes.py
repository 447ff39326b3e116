"""kill -9 anywhere in an import, and a repeat gives the same tables and every change once."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from analytics.engine import read
from analytics.entities import load_model
from analytics.entities.importing import import_file, still
from analytics.model.clock import SimulatedClock
from analytics.store import Store

LATER = "2026-04-01T12:00:00+00:00"
MAPPING = {
    "id": "no",
    "created_at": "at",
    "internal_status": "state",
    "total": "sum(n * price)",
    "customer_user.id": "buyer",
    "customer_user.email": "mail",
    "items.sku": "sku",
    "items.quantity": "n",
    "items.price": "price",
    "items.product.id": "sku",
    "items.product.price": "price",
}
_HEAD = "no,at,state,buyer,mail,sku,n,price\n"
_CHECKOUT = Path(__file__).resolve().parents[2]
_CHECKED = {
    "order": "id, internal_status, total, customer_user_id, created_at",
    "order_item": "id, order_id, sku, quantity, price, position",
    "customer_user": "id, email",
    "product": "id, price",
}


def _file(folder: Path, name: str, *, second: bool, orders: int = 12) -> Path:
    """Write orders; the second file has other states, addresses and prices, and one line less an order."""
    lines = []
    for no in range(orders):
        for item in range(3 - second):
            state = "closed" if second and no % 2 else "open"
            mail = f"{'new' if second else 'old'}{no % 5}@example.com"
            day = f"2026-02-{no % 28 + 1:02d}" if second else f"2026-01-{no % 28 + 1:02d}"
            lines.append(f"{no},{day},{state},{no % 5},{mail},S{item},{item + 1},{item + 1 + second}.50\n")
    path = folder / name
    path.write_text(_HEAD + "".join(lines))
    return path


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A workspace with the first file imported, and the second file."""
    clock = SimulatedClock(datetime(2026, 3, 1, tzinfo=UTC))
    workspace = tmp_path / "wörk space"
    with Store.create(workspace, clock=clock) as store:
        import_file(store, load_model(), _file(tmp_path, "1.csv", second=False), entity="order", mapping=MAPPING)
    yield workspace, _file(tmp_path, "2.csv", second=True)


def _repeat(workspace: Path, file: Path, at: str = "2026-04-02T12:00:00+00:00") -> dict[str, list[tuple[Any, ...]]]:
    """Import the file in this process and return what the tables hold then."""
    with Store.open(workspace, clock=SimulatedClock(datetime.fromisoformat(at))) as store:
        import_file(store, load_model(), file, entity="order", mapping=MAPPING)
        return _tables(store)


def _tables(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    found = {
        name: read(store, lambda e, n=name, c=columns: e.rows(f'select {c} from "{n}" order by id'))  # type: ignore[misc]
        for name, columns in _CHECKED.items()
    }
    found["changes"] = read(
        store, lambda e: e.rows("select entity, entity_key, field, old_value, new_value from changes order by all")
    )
    return found


def _reference(workspace: Path, file: Path, folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    copy = folder / "undisturbed"
    shutil.copytree(workspace, copy)
    tables = _repeat(copy, file)
    assert len(tables["order_item"]) == 24 and len(tables["changes"]) > 10
    return tables


def _die(workspace: Path, file: Path, step: int, when: str) -> int:
    command = [sys.executable, "-m", "tests.entities.die_at", str(workspace), str(file), str(step), when]
    return subprocess.run(command, cwd=_CHECKOUT, check=False, timeout=120).returncode


def _free(workspace: Path) -> None:
    """Give back the leases of the killed process: they would run out by themselves, but a test need not wait."""
    from sqlalchemy import update

    from analytics.store.tables import lease

    with Store.open(workspace) as store, store.state.write() as connection:
        connection.execute(update(lease).values(owner=None, until=None))


@pytest.mark.soak
def test_dying_before_or_after_any_step_and_a_repeat_give_the_same_tables_and_every_change_once(
    prepared: tuple[Path, Path], tmp_path: Path
) -> None:
    workspace, file = prepared
    expected = _reference(workspace, file, tmp_path)
    total = os.environ.get("SHELDUCK_SOAK") == "1"
    points = [(step, when) for step in range(1, 60) for when in ("before", "after")]
    if not total:
        points = random.Random(20260301).sample(points[:50], 4)
    died = 0
    for step, when in points:
        copy = tmp_path / f"died at {step} {when}"
        shutil.copytree(workspace, copy)
        code = _die(copy, file, step, when)
        if code == 0:
            continue
        assert code == -signal.SIGKILL
        died += 1
        _free(copy)
        assert _repeat(copy, file) == expected, f"died {when} step {step}"
        shutil.rmtree(copy)
    assert died >= 2


@pytest.mark.soak
def test_dying_again_while_recovering_loses_and_doubles_nothing(prepared: tuple[Path, Path], tmp_path: Path) -> None:
    workspace, file = prepared
    expected = _reference(workspace, file, tmp_path)
    rounds = 20 if os.environ.get("SHELDUCK_SOAK") == "1" else 1
    dice = random.Random(7)
    for n in range(rounds):
        copy = tmp_path / f"again {n}"
        shutil.copytree(workspace, copy)
        for _ in range(3):
            _die(copy, file, dice.randint(1, 25), dice.choice(["before", "after"]))
            _free(copy)
        assert _repeat(copy, file) == expected
        shutil.rmtree(copy)


@pytest.mark.soak
def test_killing_at_any_moment_and_a_repeat_give_the_same_tables(prepared: tuple[Path, Path], tmp_path: Path) -> None:
    workspace, file = prepared
    expected = _reference(workspace, file, tmp_path)
    rounds = 25 if os.environ.get("SHELDUCK_SOAK") == "1" else 1
    dice = random.Random(11)
    for n in range(rounds):
        copy = tmp_path / f"moment {n}"
        shutil.copytree(workspace, copy)
        command = [sys.executable, "-m", "tests.entities.die_at", str(copy), str(file), "100000", "before"]
        child = subprocess.Popen(command, cwd=_CHECKOUT)
        log = copy / "lake" / "order_item" / "_delta_log"
        deadline = time.monotonic() + 60
        entries = len(list(log.iterdir()))
        # From the first commit of the import on, a moment by chance.
        while len(list(log.iterdir())) == entries and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(dice.uniform(0, 0.3))
        child.kill()
        child.wait()
        _free(copy)
        assert _repeat(copy, file) == expected
        shutil.rmtree(copy)


def test_two_imports_at_once_come_one_after_the_other(prepared: tuple[Path, Path], tmp_path: Path) -> None:
    workspace, file = prepared
    expected = _reference(workspace, file, tmp_path)
    with ThreadPoolExecutor(2) as pool:
        tables = list(pool.map(lambda _: _repeat(workspace, file), range(2)))
    assert tables[0] == expected and tables[1] == expected


@pytest.mark.soak
def test_changes_of_an_import_that_died_are_settled_before_another_file_is_imported(
    prepared: tuple[Path, Path], tmp_path: Path
) -> None:
    """Those whose row was written are kept with the time of the dead import; those that never happened are dropped."""
    workspace, file = prepared
    total = os.environ.get("SHELDUCK_SOAK") == "1"
    found = 0
    for step in range(1, 60) if total else (6, 7):
        copy = tmp_path / f"other {step}"
        shutil.copytree(workspace, copy)
        code = _die(copy, file, step, "after")
        _free(copy)
        pending = list((copy / "lake" / "_pending").glob("*.parquet"))
        if code == 0 or not pending:
            shutil.rmtree(copy)
            continue
        found += 1
        with Store.open(copy, clock=SimulatedClock(datetime(2026, 5, 1, tzinfo=UTC))) as store:
            with still(store, load_model()):
                tables = _tables(store)
            assert not list((store.lake.root / "_pending").iterdir())
            known = {("product", key): str(price) for key, price in tables["product"]}
            known |= {("customer_user", key): email for key, email in tables["customer_user"]}
            for entity, key, field, _, new in tables["changes"]:
                if (entity, field) in (("product", "price"), ("customer_user", "email")):
                    assert known[entity, key] == new
        shutil.rmtree(copy)
    assert found, "no step left changes announced"
