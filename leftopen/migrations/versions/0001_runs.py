"""Runs and what they found."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "run",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("started", sa.DateTime, nullable=False),
        sa.Column("finished", sa.DateTime),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("scope", sa.JSON, nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("cursor", sa.BigInteger, nullable=False),
        sa.Column("targets", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "target",
        sa.Column("run", sa.String(32), sa.ForeignKey("run.id"), primary_key=True),
        sa.Column("address", sa.String(45), primary_key=True),
        sa.Column("port", sa.Integer, primary_key=True),
        sa.Column("host", sa.String(255)),
        sa.Column("service", sa.JSON),
        sa.Column("exposure", sa.JSON),
    )
    op.create_table(
        "error",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run", sa.String(32), sa.ForeignKey("run.id"), nullable=False, index=True),
        sa.Column("body", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    for table in ("error", "target", "run"):
        op.drop_table(table)
