"""Sendings: the audience frozen into a ledger, the sender, and the facts that reports read."""

from analytics.delivery.drain import drain
from analytics.delivery.facts import complete_through, export_facts
from analytics.delivery.feedback import record_bounce, record_complaint
from analytics.delivery.preflight import Preflight
from analytics.delivery.records import Delivery, DrainResult, Sent, Tuning
from analytics.delivery.sendings import Sending, Sendings, SendingStatus
from analytics.delivery.sink import LocalSink, SunkMail

__all__ = [
    "Delivery",
    "DrainResult",
    "LocalSink",
    "Preflight",
    "Sending",
    "SendingStatus",
    "Sendings",
    "Sent",
    "SunkMail",
    "Tuning",
    "complete_through",
    "drain",
    "export_facts",
    "record_bounce",
    "record_complaint",
]
