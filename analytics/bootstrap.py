"""The composition root: opens a workspace and puts its services together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analytics.entities import load_model
from analytics.model.clock import Clock
from analytics.services import Services
from analytics.settings import Settings
from analytics.store import Folder, Store


def open_services(
    folder: Path | Folder | None = None, *, clock: Clock | None = None, settings: Settings | None = None
) -> Services:
    """Return the services of the workspace in `folder`, by default the one found from the current folder upward.

    `clock` and `settings` replace the machine's time and the workspace's file. Raises WorkspaceError where there is
    no workspace, ModelError for a declaration that does not hold together.
    """
    return _assembled(Store.open(folder, settings, clock))


def create_services(
    folder: Path | Folder, *, clock: Clock | None = None, settings: Settings | Mapping[str, Any] | None = None
) -> Services:
    """Make a workspace in `folder` and return its services; raises WorkspaceError if there is one already."""
    made = Settings.of(settings) if isinstance(settings, Mapping) else settings
    return _assembled(Store.create(folder, made, clock))


def _assembled(store: Store) -> Services:
    try:
        model = load_model(store.folder.model)
        for entity in model.entities.values():
            store.lake.ensure(entity.schema)
    except BaseException:
        store.close()
        raise
    return Services(store, model)
