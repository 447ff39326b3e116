"""The naive evaluator's part about people: what they did with mails and on websites, in which order, what they said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

from analytics.model.address import address_key
from tests.segments.stories import CAMPAIGNS, TOPICS

if TYPE_CHECKING:
    from tests.segments.oracle import Oracle

Row = Mapping[str, Any]
Node = Mapping[str, Any]

COMPARED = ("url", "title", "category", "action", "name")
_LESS_HUMAN = ("human", "unknown", "machine")
EQUAL = {"website": "website", "source": "campaign_source", "medium": "campaign_medium", "code": "campaign_code"}


class People:
    """Answers about the people behind rows; `oracle` has the data and compares values."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle, self.data, self.now = oracle, oracle.data, oracle.now
        self._owners: dict[str, str | None] = {}

    def consent(self, row: Row, entity: str, topic: str) -> str:
        """Return what was said last on a topic."""
        number = [t.lower() for t in TOPICS].index(topic.lower()) + 1
        addresses = self._addresses(row, entity)
        said = [
            (c["at"], c["id"], c["granted"])
            for c in self.data["consent"]
            if c["topic_id"] == number and c["address_key"] in addresses and c["at"] <= self.now
        ]
        return "none" if not said else "granted" if max(said)[2] else "withdrawn"

    def did_often_enough(self, row: Row, entity: str, node: Node) -> bool:
        """Return whether something happened as often as a node says."""
        count, times = len({number for number, _ in self._happened(row, entity, node)}), node.get("times", 1)
        return {"at_least": count >= times, "at_most": count <= times, "equals": count == times}[
            node.get("is", "at_least")
        ]

    def ends_of(self, row: Row, entity: str, node: Node) -> list[datetime]:
        """Return when a sequence ended: every way through the steps is tried."""
        steps = [{at for _, at in self._happened(row, entity, step)} for step in node["sequence"]]
        within = _exact(node["within"]) if "within" in node else None
        ends = {
            way[-1]
            for way in product(*steps)
            if all(a < b for a, b in pairwise(way)) and (within is None or way[-1] - way[0] <= within)
        }
        if "without" in node:
            unwanted = {at for _, at in self._happened(row, entity, node["without"])}
            ends = {
                end for end in ends if end + within <= self.now and not any(end < at <= end + within for at in unwanted)
            }
        return sorted(ends)

    def _addresses(self, row: Row, entity: str) -> set[str]:
        contacts = [c for c in self.oracle.model.entities[entity].contacts if c.channel == "email"]
        keys = {address_key(value) for c in contacts for value in self.oracle.ends(row, entity, c.path)}
        return {key for key in keys if key is not None}

    def _happened(self, row: Row, entity: str, node: Node) -> list[tuple[Any, datetime]]:
        if "did" in node:
            addresses = self._addresses(row, entity)
            return [
                (e["event_id"], e["occurred_at"])
                for e in self.data["events"]
                if self._was_done(e, node) and self._owner(e) in addresses
            ]
        addresses = self._addresses(row, entity)
        mails = {
            a["delivery_id"]
            for a in self.data["audience"]
            if (a["entity"], a["entity_key"]) == (entity, row["id"]) or a["address_key"] in addresses
        }
        campaign = None if node["campaign"] == "any" else CAMPAIGNS.index(node["campaign"]) + 1
        behaviour = node["behaviour"]
        if behaviour in ("opened", "clicked"):
            kind = {"opened": "open", "clicked": "click"}[behaviour]
            found = [
                (e["event_id"], e["occurred_at"], e)
                for e in self.data["events"]
                if e["kind"] == kind and (node.get("by") == "all" or self._is_human(e))
            ]
        else:
            bounced = {d["delivery_id"] for d in self.data["deliveries"] if d["state"] == "bounced"}
            state = "accepted" if behaviour == "received" else behaviour
            found = [
                (d["delivery_id"], d["at"], d)
                for d in self.data["deliveries"]
                if d["state"] == state and not (behaviour == "received" and d["delivery_id"] in bounced)
            ]
        since = self._since(node)
        return [
            (number, at)
            for number, at, of in found
            if of.get("delivery_id") in mails
            and (campaign is None or of["email_campaign_id"] == campaign)
            and (since is None or at >= since)
        ]

    def _was_done(self, event: Row, node: Node) -> bool:
        if event["endpoint"] not in ("matomo", "oro") or event["kind"] == "ping":
            return False
        if node["did"] != "any" and event["kind"] != node["did"]:
            return False
        since = self._since(node)
        tests = [(key, {"is": node[key]["is"], **node[key]}, "text") for key in COMPARED if key in node]
        tests += [(EQUAL[key], {"is": "equals", "value": node[key]}, "text") for key in EQUAL if key in node]
        if "when" in node:
            tests.append(("occurred_at", {"is": node["when"], "value": node.get("at")}, "datetime"))
        return (
            (since is None or event["occurred_at"] >= since)
            and all(self.oracle.compares(event[column], kind, test) for column, test, kind in tests)
            and (node.get("by") == "all" or self._is_human(event))
        )

    def _is_human(self, event: Row) -> bool:
        verdicts = [v for v in self.data["verdicts"] if v["event_id"] == event["event_id"]]
        newest = max(verdicts, key=lambda v: (v["decided_at"], _LESS_HUMAN.index(v["verdict"])), default=None)
        return newest is not None and newest["verdict"] == "human"

    def _owner(self, event: Row) -> str | None:
        """Who signed in, else who signed in on the device last, else whose mail it was, else whose alone its mails."""
        number = event["event_id"]
        if number not in self._owners:
            self._owners[number] = self._found_owner(event)
        return self._owners[number]

    def _found_owner(self, event: Row) -> str | None:
        hits = [e for e in self.data["events"] if e["endpoint"] in ("matomo", "oro") and e["person"] is not None]
        if event["user_id"] is not None:
            if event["person"] is not None:
                return event["person"]
            known = [e for e in hits if e["user_id"] == event["user_id"]]
            if known:
                return _latest(known)
        device = [
            e
            for e in hits
            if event["visitor"] is not None and (e["website"], e["visitor"]) == (event["website"], event["visitor"])
        ]
        declared = [e for e in device if e["user_id"] is not None]
        if declared:
            return _latest(declared)
        if event["person"] is not None:
            return event["person"]
        mailed = {e["person"] for e in device if e["user_id"] is None}
        return mailed.pop() if len(mailed) == 1 else None

    def _since(self, node: Node) -> datetime | None:
        if "within" not in node:
            return None
        count, unit = re.fullmatch(r"(\d+) ?([a-z]+)", node["within"]).groups()
        if unit == "h":
            return self.now - timedelta(hours=int(count))
        days = int(count) * {"d": 1, "w": 7}[unit]
        return (self.oracle.local - timedelta(days=days)).replace(tzinfo=self.oracle.zone)


def _latest(events: list[Row]) -> str:
    return max(events, key=lambda e: (e["occurred_at"], e["event_id"]))["person"]


def _exact(text: str) -> timedelta:
    count, unit = re.fullmatch(r"(\d+) ?([a-z]+)", text).groups()
    return int(count) * {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}.get(
        unit, timedelta(weeks=1)
    )
