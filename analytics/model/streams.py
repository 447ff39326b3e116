"""The stream tables of the lake: facts that are only ever appended."""

from __future__ import annotations

from analytics.model.table import Column, TableSchema

EVENTS = TableSchema(
    name="events",
    kind="stream",
    as_of="received_at",
    sort=("received_at", "event_id"),
    doc="One row per parsed hit: what somebody or something did, as the collector accepted it.",
    columns=(
        Column("event_id", "text", doc="UUIDv5 of the spool line's id and the index inside a bulk request"),
        Column("received_at", "datetime", doc="when the collector accepted it"),
        Column("occurred_at", "datetime", doc="when it happened: cdt of a server-side client, else received_at"),
        Column("ingested_at", "datetime"),
        Column(
            "kind",
            "text",
            doc="open, click, unsubscribe, page_view, event, cart, order, goal, download, outlink, "
            "search, content, ping, view",
        ),
        Column("endpoint", "text", doc="c, o, u, p, v, matomo, oro"),
        Column("method", "text", doc="GET, HEAD, POST"),
        Column("website", "text", doc="identifier of the tracking website, null for mail events"),
        Column("delivery_id", "integer", doc="from a token: an own one, or the landing token in the page address"),
        Column("sending_id", "integer"),
        Column("email_campaign_id", "integer"),
        Column("link_number", "integer"),
        Column("visitor", "text", personal=True, doc="the client's visitor id, 16 hex digits"),
        Column("user_id", "text", personal=True, doc="uid or _uid as sent"),
        Column(
            "person", "text", personal=True, doc="person the hit itself proves (declared identity or own mail token)"
        ),
        Column("campaign_code", "text", doc="campaign name as the client or the page address carries it, lower case"),
        Column("campaign_keyword", "text"),
        Column("campaign_source", "text"),
        Column("campaign_medium", "text"),
        Column("campaign_content", "text"),
        Column("url", "text", personal=True),
        Column("referrer", "text", personal=True),
        Column("title", "text"),
        Column("category", "text"),
        Column("action", "text"),
        Column("name", "text"),
        Column("value", "number"),
        Column("order_number", "text"),
        Column("revenue", "money"),
        Column("currency", "text"),
        Column("items", "json"),
        Column("client_address", "text", personal=True, hidden=True),
        Column("user_agent", "text", personal=True, hidden=True),
        Column(
            "parameters",
            "json",
            personal=True,
            hidden=True,
            doc="parameters as sent that have no column of their own",
        ),
    ),
)

VERDICTS = TableSchema(
    name="verdicts",
    kind="stream",
    sort=("event_id",),
    doc="One row per event and rule set: whether a person, a machine or neither for sure did it, and by which rules.",
    columns=(
        Column("event_id", "text"),
        Column("ruleset", "integer"),
        Column("verdict", "text", doc="human, machine, unknown"),
        Column("rules", "text_list", doc="names of the rules that spoke"),
        Column("decided_at", "datetime"),
    ),
)

DELIVERIES = TableSchema(
    name="deliveries",
    kind="stream",
    as_of="at",
    sort=("sending_id", "delivery_id"),
    doc="One row per change of a delivery: the ledger's facts, in order.",
    columns=(
        Column("seq", "integer"),
        Column("delivery_id", "integer"),
        Column("sending_id", "integer"),
        Column("email_campaign_id", "integer"),
        Column("marketing_campaign_id", "integer"),
        Column("channel", "text", doc="email, phone"),
        Column("address_key", "text", personal=True),
        Column("person", "text", personal=True),
        Column("entity", "text"),
        Column("entity_key", "text"),
        Column("arm", "text"),
        Column(
            "state",
            "text",
            doc="planned, held_out, skipped, accepted, deferred, rejected, uncertain, bounced, "
            "complained, unsubscribed",
        ),
        Column("reason", "text"),
        Column("code", "text", personal=True),
        Column("at", "datetime"),
        Column("ingested_at", "datetime"),
    ),
)

CHANGES = TableSchema(
    name="changes",
    kind="stream",
    as_of="changed_at",
    sort=("entity", "entity_key", "changed_at"),
    doc="One row per changed value of a field whose history is kept.",
    columns=(
        Column("change_id", "text"),
        Column("entity", "text"),
        Column("entity_key", "text"),
        Column("field", "text"),
        Column("old_value", "text", personal=True),
        Column("new_value", "text", personal=True),
        Column("changed_at", "datetime"),
        Column("base_version", "integer", doc="version of the entity table the change was found against"),
    ),
)

AUDIENCE = TableSchema(
    name="audience",
    kind="stream",
    sort=("sending_id", "position"),
    doc="One row per entity row in the audience of a sending, in the list's order.",
    columns=(
        Column("sending_id", "integer"),
        Column("position", "integer"),
        Column("entity", "text"),
        Column("entity_key", "text"),
        Column("address", "text", personal=True),
        Column("address_key", "text", personal=True),
        Column("person", "text", personal=True),
        Column("delivery_id", "integer", doc="null without a usable address"),
        Column("status", "text", doc="delivery, same_address, no_address, bad_address"),
        Column("frozen_at", "datetime"),
    ),
)

CALLS = TableSchema(
    name="calls",
    kind="stream",
    as_of="at",
    sort=("call_campaign_id", "call_id"),
    doc="One row per telephone call that was made or tried, in the order they were noted.",
    columns=(
        Column("call_id", "integer"),
        Column("call_campaign_id", "integer"),
        Column("marketing_campaign_id", "integer"),
        Column("list_id", "integer"),
        Column("phone_key", "text", personal=True, doc="the number in E.164 form"),
        Column("person", "text", personal=True, doc="address key of whoever has the number; the number without one"),
        Column("entity", "text"),
        Column("entity_key", "text"),
        Column(
            "outcome",
            "text",
            doc="interested, not_interested, ordered, call_back, no_answer, busy, voicemail, wrong_number, do_not_call",
        ),
        Column("is_reached", "boolean", doc="whether the person spoke with the caller"),
        Column("caller", "text", personal=True),
        Column("next_call_at", "datetime"),
        Column("at", "datetime"),
        Column("ingested_at", "datetime"),
    ),
)

STREAMS: tuple[TableSchema, ...] = (EVENTS, VERDICTS, DELIVERIES, CHANGES, AUDIENCE, CALLS)

_HIDDEN = {stream.name: frozenset(c.name for c in stream.columns if c.hidden) for stream in STREAMS}


def shown_columns(schema: TableSchema) -> tuple[Column, ...]:
    """Return the columns of a table that people's SQL sees: neither hidden ones nor the system's (a leading _)."""
    hidden = _HIDDEN.get(schema.name, frozenset())
    return tuple(c for c in schema.columns if c.name not in hidden and not c.name.startswith("_"))
