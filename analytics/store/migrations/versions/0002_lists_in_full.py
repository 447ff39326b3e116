"""Lists in full: versions, sizes, uploads, tags; topics with consent; blocked domains; calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables and columns."""
    op.create_table(
        "domain_block",
        sa.Column("domain", sa.String(length=253), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_domain_block")),
    )
    op.create_table(
        "size_point",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("entered", sa.BigInteger(), nullable=True),
        sa.Column("left", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "subject_id", "at", name=op.f("pk_size_point")),
    )
    op.create_table(
        "tag",
        sa.Column("entity", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("entity_key", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("entity", "name", "entity_key", name=op.f("pk_tag")),
    )
    op.create_table(
        "topic",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("policy", sa.String(length=10), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topic")),
        sa.UniqueConstraint("name", name=op.f("uq_topic_name")),
    )
    op.create_table(
        "consent",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("address_key", sa.String(length=254), nullable=False),
        sa.Column("topic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("client_address", sa.String(length=45), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("delivery_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["topic_id"], ["topic.id"], name=op.f("fk_consent_topic_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index("ix_consent_address_key", "consent", ["address_key", "topic_id", "at"], unique=False)
    op.create_table(
        "segment_version",
        sa.Column("segment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["segment_id"], ["segment.id"], name=op.f("fk_segment_version_segment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("segment_id", "version", name=op.f("pk_segment_version")),
    )
    op.create_table(
        "call_campaign",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("list_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("marketing_campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("script", sa.Text(), nullable=False),
        sa.Column("most_attempts", sa.Integer(), nullable=False),
        sa.Column("cost", sa.String(length=40), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"], ["marketing_list.id"], name=op.f("fk_call_campaign_list_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["marketing_campaign_id"],
            ["marketing_campaign.id"],
            name=op.f("fk_call_campaign_marketing_campaign_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_campaign")),
        sa.UniqueConstraint("name", name=op.f("uq_call_campaign_name")),
    )
    op.create_table(
        "list_upload",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("list_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("column_name", sa.String(length=255), nullable=False),
        sa.Column("matched_by", sa.String(length=10), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("line_count", sa.BigInteger(), nullable=False),
        sa.Column("matched", sa.BigInteger(), nullable=False),
        sa.Column("several", sa.BigInteger(), nullable=False),
        sa.Column("repeated", sa.BigInteger(), nullable=False),
        sa.Column("unmatched", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"], ["marketing_list.id"], name=op.f("fk_list_upload_list_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_upload")),
    )
    op.create_index(op.f("ix_list_upload_list_id"), "list_upload", ["list_id"], unique=False)
    op.create_table(
        "list_version",
        sa.Column("list_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("segment", sa.String(length=255), nullable=True),
        sa.Column("contact", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"], ["marketing_list.id"], name=op.f("fk_list_version_list_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("list_id", "version", name=op.f("pk_list_version")),
    )
    op.create_table(
        "call",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("call_campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("request_key", sa.String(length=100), nullable=False),
        sa.Column("phone_key", sa.String(length=20), nullable=False),
        sa.Column("entity_key", sa.String(length=200), nullable=False),
        sa.Column("person", sa.String(length=254), nullable=False),
        sa.Column("outcome", sa.String(length=30), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("caller", sa.String(length=100), nullable=True),
        sa.Column("next_call_at", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_campaign_id"], ["call_campaign.id"], name=op.f("fk_call_call_campaign_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call")),
        sa.UniqueConstraint("request_key", name=op.f("uq_call_request_key")),
    )
    op.create_index("ix_call_campaign_phone", "call", ["call_campaign_id", "phone_key", "at"], unique=False)
    op.create_index("ix_call_phone_key", "call", ["phone_key"], unique=False)
    op.create_table(
        "call_claim",
        sa.Column("phone_key", sa.String(length=20), nullable=False),
        sa.Column("call_campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("caller", sa.String(length=100), nullable=False),
        sa.Column("entity_key", sa.String(length=200), nullable=False),
        sa.Column("entity_keys", sa.JSON(), nullable=False),
        sa.Column("person", sa.String(length=254), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_campaign_id"],
            ["call_campaign.id"],
            name=op.f("fk_call_claim_call_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("phone_key", name=op.f("pk_call_claim")),
    )
    op.create_table(
        "campaign_topic",
        sa.Column("email_campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("topic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["email_campaign_id"],
            ["email_campaign.id"],
            name=op.f("fk_campaign_topic_email_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["topic_id"], ["topic.id"], name=op.f("fk_campaign_topic_topic_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("email_campaign_id", name=op.f("pk_campaign_topic")),
    )
    op.create_table(
        "list_unmatched",
        sa.Column("upload_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["list_upload.id"], name=op.f("fk_list_unmatched_upload_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("upload_id", "line", name=op.f("pk_list_unmatched")),
    )
    op.add_column(
        "marketing_list", sa.Column("source", sa.String(length=20), server_default="definition", nullable=False)
    )
    op.add_column(
        "marketing_list", sa.Column("keeps_contacted", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("suppression", sa.Column("note", sa.Text(), nullable=True))
    op.create_index("ix_suppression_created_at", "suppression", ["created_at", "address_key", "reason"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_suppression_created_at", table_name="suppression")
    op.drop_column("suppression", "note")
    op.drop_column("marketing_list", "keeps_contacted")
    op.drop_column("marketing_list", "source")
    op.drop_table("list_unmatched")
    op.drop_table("campaign_topic")
    op.drop_index("ix_call_campaign_phone", table_name="call")
    op.drop_table("call_claim")
    op.drop_index("ix_call_phone_key", table_name="call")
    op.drop_table("call")
    op.drop_table("list_version")
    op.drop_index(op.f("ix_list_upload_list_id"), table_name="list_upload")
    op.drop_table("list_upload")
    op.drop_table("call_campaign")
    op.drop_table("segment_version")
    op.drop_index("ix_consent_address_key", table_name="consent")
    op.drop_table("consent")
    op.drop_table("topic")
    op.drop_table("tag")
    op.drop_table("size_point")
    op.drop_table("domain_block")
