"""The state database: everything that changes row by row, as SQLAlchemy Core tables.

Times are whole microseconds since 1970 UTC in the database and aware datetimes in Python, the same on
SQLite and PostgreSQL. Money is kept as decimal text. A document (a definition, settings) is JSON.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FIRST_OF_INSTANCE = 10_000_000_000
"""Numbers that must stay unique when a workspace is restored (deliveries, their facts) begin at instance times this."""


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime, kept as whole microseconds since 1970-01-01 UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return microseconds; a naive datetime raises ValueError."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"The state database takes times with a zone; {value.isoformat()} has none.")
        return (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return an aware UTC datetime."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class DecimalText(TypeDecorator[Decimal]):
    """A Decimal, kept as text so that no digit is lost."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """Return the number as plain text."""
        return None if value is None else format(value, "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """Return the number as it was given."""
        return None if value is None else Decimal(value)


# Rowids of SQLite are 64-bit whatever the type; BIGINT PRIMARY KEY would not be one there.
Id = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _table(name: str, *columns: Any, **options: Any) -> Table:
    return Table(name, metadata, *columns, **options)


# --- the workspace itself -------------------------------------------------------------------------

# name = 'instance' (a number that a restore raises), 'workspace_id', 'demo', ...
meta = _table("meta", Column("name", String(60), primary_key=True), Column("value", JSON, nullable=False))

# Keys that sign links. The newest unretired one signs; every one verifies.
link_key = _table(
    "link_key",
    Column("id", Integer, primary_key=True),  # 1..255, goes into the token
    Column("secret", LargeBinary, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("retired_at", UtcTime),
)

# A lease is held by one owner until it runs out; the fence rises with every new owner.
lease = _table(
    "lease",
    Column("name", String(200), primary_key=True),
    Column("owner", String(200)),
    Column("until", UtcTime),
    Column("fence", BigInteger, nullable=False),
)

job = _table(
    "job",
    Column("id", Id, primary_key=True),
    Column("kind", String(60), nullable=False),
    Column("key", String(200), nullable=False),  # the same (kind, key) is enqueued once
    Column("payload", JSON, nullable=False),
    Column("state", String(20), nullable=False),  # waiting, running, done, failed
    Column("every_seconds", Integer),  # periodic jobs come back
    Column("next_run", UtcTime, nullable=False),
    Column("owner", String(200)),
    Column("lease_until", UtcTime),
    Column("done_count", BigInteger, nullable=False, default=0),
    Column("total_count", BigInteger),
    Column("message", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    UniqueConstraint("kind", "key"),
)

# How far a reader of append-only files has come (ingest, control lines).
progress_mark = _table(
    "progress_mark",
    Column("reader", String(60), primary_key=True),
    Column("file", String(300), primary_key=True),
    Column("offset", BigInteger, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

# --- segments and lists ---------------------------------------------------------------------------

segment = _table(
    "segment",
    Column("id", Id, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("description", Text),
    Column("entity", String(100), nullable=False),
    Column("definition", JSON, nullable=False),
    Column("version", Integer, nullable=False, default=1),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

marketing_list = _table(
    "marketing_list",
    Column("id", Id, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("description", Text),
    Column("entity", String(100), nullable=False),
    Column("kind", String(20), nullable=False),  # dynamic, static
    Column("channel", String(10), nullable=False),  # email, phone
    Column("contact", String(200), nullable=False),  # name of the contact path of the entity
    Column("definition", JSON, nullable=False),  # the list's own segment definition, columns and sort included
    Column("segment_id", ForeignKey("segment.id", ondelete="RESTRICT")),  # when built on a stored segment
    Column("version", Integer, nullable=False, default=1),
    Column("generation", Integer, nullable=False, default=0),  # of a static list's members; a refresh makes the next
    Column("refreshed_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    # Where the members of a static list come from: its definition, people who pick them, or files of theirs.
    Column("source", String(20), nullable=False, server_default="definition"),  # definition, picked, uploaded
    # Whether rows once contacted through the list stay on it when its definition no longer has them.
    Column("keeps_contacted", Boolean, nullable=False, server_default=false()),
    CheckConstraint("kind in ('dynamic','static')", name="kind"),
)

# Every definition a segment or a list ever had, so that "why was she mailed" can be answered with the one of then.
segment_version = _table(
    "segment_version",
    Column("segment_id", ForeignKey("segment.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("definition", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

list_version = _table(
    "list_version",
    Column("list_id", ForeignKey("marketing_list.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("definition", JSON, nullable=False),  # the list's own
    Column("segment", String(255)),  # name of the stored segment it was built on
    Column("contact", String(200), nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

# How many rows a segment or list had when, and how many came and went since the point before.
size_point = _table(
    "size_point",
    Column("kind", String(10), primary_key=True),  # segment, list
    Column("subject_id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcTime, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("entered", BigInteger),  # null at the first point
    Column("left", BigInteger),
)

# A file of addresses or keys a list was made of, and its lines that fitted nobody.
list_upload = _table(
    "list_upload",
    Column("id", Id, primary_key=True),
    Column("list_id", ForeignKey("marketing_list.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("file_name", String(255), nullable=False),
    Column("column_name", String(255), nullable=False),  # of the file
    Column("matched_by", String(10), nullable=False),  # address, phone, key
    Column("mode", String(10), nullable=False),  # replace, add
    Column("generation", Integer, nullable=False),  # it made; one that is not shown yet did not come to its end
    Column("line_count", BigInteger, nullable=False),
    Column("matched", BigInteger, nullable=False),
    Column("several", BigInteger, nullable=False),  # lines that fit more than one row
    Column("repeated", BigInteger, nullable=False),
    Column("unmatched", BigInteger, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

list_unmatched = _table(
    "list_unmatched",
    Column("upload_id", ForeignKey("list_upload.id", ondelete="CASCADE"), primary_key=True),
    Column("line", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Text, nullable=False),
    Column("reason", String(200), nullable=False),
)

# Words people put on rows of an entity.
tag = _table(
    "tag",
    Column("entity", String(100), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("entity_key", String(200), primary_key=True),
    Column("created_at", UtcTime, nullable=False),
)

# Members of a static list, in order. A refresh writes a generation in chunks, then the list shows that one at once.
list_member = _table(
    "list_member",
    Column("list_id", ForeignKey("marketing_list.id", ondelete="CASCADE"), primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("entity_key", String(200), primary_key=True),
    Column("position", BigInteger, nullable=False),
)

# What is known of one row in one list. Rows appear when something first happens to them.
list_state = _table(
    "list_state",
    Column("list_id", ForeignKey("marketing_list.id", ondelete="CASCADE"), primary_key=True),
    Column("entity_key", String(200), primary_key=True),
    Column("removed_at", UtcTime),
    Column("unsubscribed_at", UtcTime),
    Column("contacted_times", Integer, nullable=False, default=0),
    Column("last_contacted_at", UtcTime),
)

# Addresses nobody mails, whatever the list.
suppression = _table(
    "suppression",
    Column("address_key", String(254), primary_key=True),
    Column("reason", String(20), primary_key=True),  # unsubscribed, hard_bounce, complaint, manual, do_not_call
    Column("source", String(200), nullable=False),  # 'one-click', 'unsubscribe page', 'bounce', 'command line', ...
    Column("delivery_id", BigInteger),
    Column("created_at", UtcTime, nullable=False),
    Column("note", Text),
    Index("ix_suppression_created_at", "created_at", "address_key", "reason"),  # a page of a million, newest first
)

# Domains nobody mails, their subdomains included.
domain_block = _table(
    "domain_block",
    Column("domain", String(253), primary_key=True),  # lower case, IDNA
    Column("source", String(200), nullable=False),
    Column("note", Text),
    Column("created_at", UtcTime, nullable=False),
)

# What people may choose to get or not: a newsletter, offers, ... opt_in: mailed to those alone who said yes.
topic = _table(
    "topic",
    Column("id", Id, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("description", Text),
    Column("policy", String(10), nullable=False),  # opt_out, opt_in
    Column("position", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

# Every yes and no, with the words the person saw. The newest of an address and a topic counts.
consent = _table(
    "consent",
    Column("id", Id, primary_key=True),
    Column("address_key", String(254), nullable=False),
    Column("topic_id", ForeignKey("topic.id", ondelete="RESTRICT")),  # null = marketing mail altogether
    Column("granted", Boolean, nullable=False),
    Column("wording", Text, nullable=False),
    Column("source", String(200), nullable=False),  # 'preference page', 'import', 'dashboard', ...
    Column("client_address", String(45)),
    Column("user_agent", Text),
    Column("delivery_id", BigInteger),
    Column("at", UtcTime, nullable=False),
    Index("ix_consent_address_key", "address_key", "topic_id", "at"),
)

# --- templates ------------------------------------------------------------------------------------

template = _table(
    "template",
    Column("id", Id, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("entity", String(100)),  # null = any entity
    Column("subject", String(255), nullable=False),
    Column("preheader", String(255)),
    Column("html", Text, nullable=False),
    Column("text", Text),  # null = made from the HTML
    Column("version", Integer, nullable=False, default=1),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

# --- campaigns and websites -----------------------------------------------------------------------

marketing_campaign = _table(
    "marketing_campaign",
    Column("id", Id, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("code", String(20), nullable=False, unique=True),
    Column("description", Text),
    Column("start_date", String(10)),  # ISO date
    Column("end_date", String(10)),
    Column("budget", DecimalText),  # in the workspace's base currency
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

# Every code a campaign ever had; statistics count all of them, and no other campaign may take one.
campaign_code = _table(
    "campaign_code",
    Column("code", String(20), primary_key=True),
    Column("marketing_campaign_id", ForeignKey("marketing_campaign.id", ondelete="CASCADE"), nullable=False),
    Column("since", UtcTime, nullable=False),
)

tracking_website = _table(
    "tracking_website",
    Column("id", Id, primary_key=True),
    Column("name", String(255), nullable=False),
    Column("identifier", String(60), nullable=False, unique=True),  # what clients send as idsite
    Column("url", String(2000), nullable=False),
    Column("order_field", String(100), nullable=False, default="identifier"),  # order field that ec_id equals
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

website_campaign = _table(
    "website_campaign",
    Column("website_id", ForeignKey("tracking_website.id", ondelete="CASCADE"), primary_key=True),
    Column("marketing_campaign_id", ForeignKey("marketing_campaign.id", ondelete="CASCADE"), primary_key=True),
)

email_campaign = _table(
    "email_campaign",
    Column("id", Id, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("description", Text),
    Column("list_id", ForeignKey("marketing_list.id", ondelete="RESTRICT"), nullable=False),
    Column("template_id", ForeignKey("template.id", ondelete="RESTRICT"), nullable=False),
    Column("marketing_campaign_id", ForeignKey("marketing_campaign.id", ondelete="SET NULL")),
    Column("sender_name", String(100)),
    Column("sender_email", String(254), nullable=False),
    Column("holdout_percent", DecimalText, nullable=False, default=Decimal(0)),
    Column("cost", DecimalText),  # in the workspace's base currency
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

# The topic an email campaign is about; without one only suppression speaks against mailing somebody.
campaign_topic = _table(
    "campaign_topic",
    Column("email_campaign_id", ForeignKey("email_campaign.id", ondelete="CASCADE"), primary_key=True),
    Column("topic_id", ForeignKey("topic.id", ondelete="RESTRICT"), nullable=False),
)

# Calls to the members of a telephone list.
call_campaign = _table(
    "call_campaign",
    Column("id", Id, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("description", Text),
    Column("list_id", ForeignKey("marketing_list.id", ondelete="RESTRICT"), nullable=False),
    Column("marketing_campaign_id", ForeignKey("marketing_campaign.id", ondelete="SET NULL")),
    Column("script", Text, nullable=False),
    Column("most_attempts", Integer, nullable=False),  # calls nobody answered after which a person is left alone
    Column("cost", DecimalText),  # in the workspace's base currency
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

# Who is about to call a number: nobody else is given it until then, by the machine's time.
call_claim = _table(
    "call_claim",
    Column("phone_key", String(20), primary_key=True),  # E.164
    Column("call_campaign_id", ForeignKey("call_campaign.id", ondelete="CASCADE"), nullable=False),
    Column("owner", String(100), nullable=False),  # a session of a caller
    Column("caller", String(100), nullable=False),
    Column("entity_key", String(200), nullable=False),
    Column("entity_keys", JSON, nullable=False),  # all rows that share the number, this one first
    Column("person", String(254), nullable=False),
    Column("until", UtcTime, nullable=False),
)

# One call that was made, or tried. Numbered above all calls an older copy of the workspace may have put into the lake.
call = _table(
    "call",
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("call_campaign_id", ForeignKey("call_campaign.id", ondelete="RESTRICT"), nullable=False),
    Column("request_key", String(100), nullable=False, unique=True),  # a repeated submit notes no second call
    Column("phone_key", String(20), nullable=False),  # E.164
    Column("entity_key", String(200), nullable=False),
    Column("person", String(254), nullable=False),
    Column("outcome", String(30), nullable=False),
    Column("note", Text),
    Column("caller", String(100)),
    Column("next_call_at", UtcTime),
    Column("at", UtcTime, nullable=False),
    Index("ix_call_campaign_phone", "call_campaign_id", "phone_key", "at"),
    Index("ix_call_phone_key", "phone_key"),
)

# --- the ledger -----------------------------------------------------------------------------------

# One sending of an email campaign: the first, a resend, ... Its status is where it stands:
# scheduled -> freezing -> confirm? -> sending <-> paused -> done | cancelled
sending = _table(
    "sending",
    Column("id", Id, primary_key=True),
    Column("email_campaign_id", ForeignKey("email_campaign.id", ondelete="RESTRICT"), nullable=False),
    Column("request_key", String(100), nullable=False, unique=True),  # a repeated submit makes no second sending
    Column("status", String(20), nullable=False),
    Column("status_reason", Text),
    Column("scheduled_for", UtcTime, nullable=False),
    Column("as_of", UtcTime),  # a fixed today for the audience
    Column("expected_count", BigInteger),  # what the person confirmed
    Column("audience_count", BigInteger),  # what the freeze found
    Column("settings", JSON, nullable=False),  # template, sender, links, list version, headers: frozen
    Column("snapshot", JSON),  # versions of the lake's tables the audience was read from
    Column("first_delivery_id", BigInteger),  # ids of one sending are one range
    Column("last_delivery_id", BigInteger),
    Column("frozen_rows", BigInteger, nullable=False, default=0),  # rows written so far, a freeze resumes here
    Column("created_at", UtcTime, nullable=False),
    Column("frozen_at", UtcTime),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    CheckConstraint(
        "status in ('scheduled','freezing','confirm','sending','paused','done','cancelled')", name="status"
    ),
)

# One recipient of one sending.
delivery = _table(
    "delivery",
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("sending_id", ForeignKey("sending.id", ondelete="CASCADE"), nullable=False),
    Column("address_key", String(254), nullable=False),
    Column("address", String(320), nullable=False),
    Column("person", String(254), nullable=False),
    Column("entity_key", String(200), nullable=False),
    Column("arm", String(40)),
    Column("state", String(12), nullable=False),
    Column("reason", String(60)),  # of skipped, or the class of a bounce
    Column("code", Text),  # what the server said last
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", UtcTime, nullable=False),  # planned and deferred rows are taken from then on
    Column("lease_owner", String(100)),
    Column("lease_until", UtcTime),
    Column("message_id", String(120), nullable=False),
    Column("values", JSON, nullable=False),  # the template's variables for this recipient
    Column("body_sha256", LargeBinary),
    Column("handed_at", UtcTime),
    Column("accepted_at", UtcTime),
    Column("updated_at", UtcTime, nullable=False),
    UniqueConstraint("sending_id", "address_key"),
    CheckConstraint(
        "state in ('planned','leased','handed','accepted','deferred','rejected','uncertain','skipped','held_out',"
        "'bounced','complained','unsubscribed')",
        name="state",
    ),
    Index("ix_delivery_work", "sending_id", "state", "due_at", "id"),
)

# Further rows of an audience that share a delivery's address; they are marked as contacted with it.
same_address = _table(
    "same_address",
    Column("delivery_id", BigInteger, primary_key=True),
    Column("entity_key", String(200), primary_key=True),
    Column("sending_id", ForeignKey("sending.id", ondelete="CASCADE"), nullable=False, index=True),
)

# Targets of tracked links. delivery_id 0 = the same for every recipient of the sending.
link = _table(
    "link",
    Column("sending_id", ForeignKey("sending.id", ondelete="CASCADE"), primary_key=True),
    Column("delivery_id", BigInteger, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("url", Text, nullable=False),
)

# Outbox: every change of a delivery that reports must see, until it is in the lake.
delivery_fact = _table(
    "delivery_fact",
    Column("seq", Id, primary_key=True),
    Column("delivery_id", BigInteger, nullable=False),
    Column("sending_id", BigInteger, nullable=False),
    Column("state", String(12), nullable=False),
    Column("reason", String(60)),
    Column("code", Text),
    Column("at", UtcTime, nullable=False),
    Column("batch", BigInteger),  # set when an export has taken the row
    Index("ix_delivery_fact_batch", "batch", "seq"),
    sqlite_autoincrement=True,
)
