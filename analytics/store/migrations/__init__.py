"""The numbered steps that bring a state database to this program's schema (Alembic)."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from analytics.errors import StoreError

HEAD = "0002"
"""The newest revision; a test holds it to the newest file in versions/."""


def upgrade(connection: Connection) -> None:
    """Run the steps the database lacks, in the caller's transaction; StoreError if it is newer than the program."""
    # Alembic is loaded for an actual step only: it costs a fifth of a second, and most starts find the schema there.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    present = (
        connection.execute(text("select version_num from alembic_version")).scalar()
        if inspect(connection).has_table("alembic_version")
        else None
    )
    if present is not None and present not in known:
        raise StoreError(
            f"The state database has schema {present}, this program knows up to {HEAD}; use the newer program with it."
        )
    command.upgrade(config, "head")
