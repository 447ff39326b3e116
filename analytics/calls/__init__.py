"""Telephone calls: campaigns of them, who is called next, what came of it."""

from analytics.calls.calls import Calls
from analytics.calls.facts import export_calls
from analytics.calls.records import Call, CallCampaign, NextCall, Progress, SheetLine

__all__ = ["Call", "CallCampaign", "Calls", "NextCall", "Progress", "SheetLine", "export_calls"]
