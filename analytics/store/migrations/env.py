"""Alembic's entry: runs the steps on the connection and in the transaction `upgrade` was called with."""

from __future__ import annotations

from alembic import context

from analytics.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True, render_as_batch=True)
context.run_migrations()
