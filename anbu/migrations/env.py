"""What Alembic runs for every migration: our metadata, on the connection that `anbu.schema` hands over."""

from __future__ import annotations

from alembic import context

from anbu.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite alters a table by copying it; elsewhere batch operations are plain ALTER TABLE.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
