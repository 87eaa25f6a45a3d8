"""Alembic's entry point. The engine is handed over by `Database.migrate`; there is no ini file."""

import sqlalchemy as sa
from alembic import context

from corpus.tables import Base

engine: sa.Engine = context.config.attributes["engine"]
with engine.execution_options(sqlite_write=True).connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
