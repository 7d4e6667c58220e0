"""How many people are in a run, and what releases of a store's composition have cost so far."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("run") as run:
        run.add_column(sa.Column("people", sa.JSON))
    op.create_table(
        "ledger",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("exposure", sa.String(16), nullable=False, index=True),
        sa.Column("run", sa.String(32), sa.ForeignKey("run.id"), nullable=False),
        sa.Column("epsilon", sa.Float, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("ledger")
    with op.batch_alter_table("run") as run:
        run.drop_column("people")
