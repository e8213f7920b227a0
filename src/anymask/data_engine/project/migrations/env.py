"""Run the scripts on the connection from `database`, within its transaction."""

from __future__ import annotations

from alembic import context

from anymask.data_engine.project.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=False
)
context.run_migrations()
