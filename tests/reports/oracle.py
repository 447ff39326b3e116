"""The efficiency report computed a second time, by plain loops over the records of a world.

Written from the definitions (docs/reports.md), not from the SQL: no shortcuts, every pair looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from analytics.model.address import address_key
from tests.reports.world import MINUTE, Record, World

BASE_CURRENCY = "EUR"


@dataclass
class Visit:
    """Hits of one device on one website without a longer silence, under one campaign."""

    website: str
    device: str
    hits: list[Record]
    token: int | None = None
    code: str | None = None
    person: str | None = None
    who: str = ""


@dataclass
class Touch:
    """A human click, or a visit that carries a campaign."""

    at: datetime
    event_id: str
    persons: set[str]
    devices: set[str]
    delivery: int | None
    sending: int | None
    email: int | None
    marketing: int | None


class Oracle:
    """Counts of a world by level: `email`, `marketing`, `total`, each {key: {metric: value}}."""

    def __init__(
        self,
        world: World,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        model: str = "last touch",
        window_days: int = 7,
        email: int | None = None,
        marketing: int | None = None,
    ) -> None:
        self.world, self.since, self.until = world, since, until
        self.last, self.window = model == "last touch", timedelta(days=window_days)
        self.email, self.marketing = email, marketing
        self.campaign_of = {e["id"]: e["marketing_campaign_id"] for e in world.emails}
        self.codes = {c["code"].lower(): c["marketing_campaign_id"] for c in world.codes}
        self.verdict = self._verdicts()
        self.facts: dict[int, list[Record]] = defaultdict(list)
        for fact in world.facts:
            self.facts[fact["delivery_id"]].append(fact)
        self.visits = [v for v in self._visits() if v.token in self.facts or v.code is not None]
        self.credits = list(self._credited())

    # --- what is looked at ---

    def _verdicts(self) -> dict[str, str]:
        best: dict[str, Record] = {}
        for row in self.world.verdicts:
            former = best.get(row["event_id"])
            if former is None or (row["decided_at"], row["verdict"] == "machine") > (
                former["decided_at"],
                former["verdict"] == "machine",
            ):
                best[row["event_id"]] = row
        return {event: row["verdict"] for event, row in best.items()}

    def _sending_of(self, delivery: int) -> int:
        return int(self.facts[delivery][0]["sending_id"])

    def _email_of(self, sending: int) -> int:
        return int(self.world.sendings[sending - 1]["campaign"])

    def _in_period(self, at: datetime) -> bool:
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)

    def _is_counted(self, sending: int) -> bool:
        begun = min(f["at"] for f in self.world.facts if f["sending_id"] == sending)
        email = self._email_of(sending)
        if self.email is not None and email != self.email:
            return False
        if self.marketing is not None and self.campaign_of[email] != self.marketing:
            return False
        return self._in_period(begun)

    def _visits(self) -> Iterable[Visit]:
        by_device: dict[tuple[str, str], list[Record]] = defaultdict(list)
        for event in self.world.events:
            if event["endpoint"] == "matomo":
                by_device[event["website"], _device(event)].append(event)
        for (website, device), hits in by_device.items():
            hits.sort(key=lambda h: (h["occurred_at"], h["event_id"]))
            signed = [h["person"] for h in hits if h["user_id"]]
            mailed = {h["person"] for h in hits if h["person"] and not h["user_id"]}
            for visit in self._sessions(website, device, hits):
                if all(self.verdict.get(h["event_id"]) == "machine" for h in visit.hits):
                    continue
                visit.token = next((h["delivery_id"] for h in visit.hits if h["delivery_id"] is not None), None)
                code = next((h["campaign_code"] for h in visit.hits if h["campaign_code"]), None)
                visit.code = code if code in self.codes else None
                own = [h["person"] for h in visit.hits if h["user_id"]]
                own_mailed = [h["person"] for h in visit.hits if h["person"] and not h["user_id"]]
                visit.person = next(iter(own[-1:] + signed[-1:] + own_mailed[:1]), None)
                visit.who = visit.person or (next(iter(mailed)) if len(mailed) == 1 else device)
                yield visit

    def _sessions(self, website: str, device: str, hits: list[Record]) -> list[Visit]:
        made: list[Visit] = []
        token = code = None
        for n, hit in enumerate(hits):
            new_token = hit["delivery_id"] is not None and hit["delivery_id"] != token
            new_code = hit["campaign_code"] is not None and hit["campaign_code"] != code
            silent = n > 0 and hit["occurred_at"] - hits[n - 1]["occurred_at"] > 30 * MINUTE
            if n == 0 or silent or new_token or new_code:
                made.append(Visit(website, device, []))
            token = hit["delivery_id"] if hit["delivery_id"] is not None else token
            code = hit["campaign_code"] or code
            made[-1].hits.append(hit)
        return made

    def _belongs(self, visit: Visit) -> tuple[int | None, int | None, int | None, bool]:
        """Return (sending, email campaign, marketing campaign, whether the report counts it)."""
        if visit.token in self.facts:
            assert visit.token is not None
            sending = self._sending_of(visit.token)
            email = self._email_of(sending)
            return sending, email, self.campaign_of[email], self._is_counted(sending)
        marketing = self.codes[visit.code or ""]
        counted = self._in_period(visit.hits[0]["occurred_at"]) and self.email is None
        return None, None, marketing, counted and self.marketing in (None, marketing)

    # --- orders ---

    def _touches(self) -> list[Touch]:
        clicks = []
        for event in self.world.events:
            if event["kind"] == "click" and self.verdict.get(event["event_id"]) == "human":
                delivery = event["delivery_id"]
                sending = self._sending_of(delivery)
                email = self._email_of(sending)
                person = self.facts[delivery][0]["person"]
                at, number = event["occurred_at"], event["event_id"]
                clicks.append(Touch(at, number, {person}, set(), delivery, sending, email, self.campaign_of[email]))
        touches = list(clicks)
        for visit in self.visits:
            started = visit.hits[0]["occurred_at"]
            persons = {visit.person} if visit.person else set()
            devices = {visit.device}
            before = [
                c
                for c in clicks
                if c.delivery == visit.token
                and timedelta(0) <= started - c.at <= 30 * MINUTE
                and visit.token is not None
            ]
            if before:
                click = max(before, key=lambda c: (c.at, c.event_id))
                click.persons |= persons
                click.devices |= devices
                continue
            sending, email, marketing, _ = self._belongs(visit)
            number = visit.hits[0]["event_id"]
            touches.append(Touch(started, number, persons, devices, visit.token, sending, email, marketing))
        return touches

    def _purchases(self) -> Iterable[Record]:
        hits: dict[tuple[str, str], Record] = {}
        for event in sorted(self.world.events, key=lambda e: (e["occurred_at"], e["event_id"])):
            if event["kind"] == "order" and self.verdict.get(event["event_id"]) != "machine":
                first = hits.setdefault((event["website"], event["order_number"]), {**event, "person": None})
                if first["person"] is None and event["user_id"]:
                    first["person"] = event["person"]
                if first["currency"] is None:
                    first["currency"] = event["currency"]
        fields = {w["identifier"]: w["order_field"] for w in self.world.websites}
        taken = set()
        emails = {u["id"]: address_key(u["email"]) for u in self.world.users}
        for order in self.world.orders:
            persons = {emails[order["customer_user_id"]]} if order["customer_user_id"] else set()
            devices = set()
            for (website, number), hit in hits.items():
                other_shop = order.get("website") in fields and order["website"] != website
                if order.get(fields.get(website, "identifier")) == number and not other_shop:
                    taken.add((website, number))
                    devices |= {_device(hit)}
                    persons |= {hit["person"]} if hit["person"] else set()
            if order["internal_status"] == "cancelled" or order.get("is_return"):
                continue
            amount = order["total"] - order.get("refunded", Decimal(0))
            base = amount if order["currency"] == BASE_CURRENCY else None
            if base is None and order.get("total_base") is not None:
                rate = order["total_base"] / order["total"]
                base = round(order["total_base"] - order.get("refunded", Decimal(0)) * rate, 4)
            yield {
                "confirmed": True, "at": order["created_at"], "persons": persons, "devices": devices,
                "currency": order["currency"], "amount": amount, "base": base,
            }  # fmt: skip
        for key, hit in hits.items():
            if key not in taken:
                currency = hit["currency"] or BASE_CURRENCY
                yield {
                    "confirmed": False, "at": hit["occurred_at"], "currency": currency, "amount": hit["revenue"],
                    "devices": {_device(hit)}, "persons": {hit["person"]} if hit["person"] else set(),
                    "base": hit["revenue"] if currency == BASE_CURRENCY else None,
                }  # fmt: skip

    def _credited(self) -> Iterable[tuple[Record, Touch]]:
        touches = self._touches()
        choose = max if self.last else min
        for order in self._purchases():
            able = [
                t
                for t in touches
                if (t.persons & order["persons"] or t.devices & order["devices"])
                and timedelta(0) <= order["at"] - t.at < self.window
            ]
            if not able:
                continue
            touch = choose(able, key=lambda t: (t.at, t.event_id))
            if touch.sending is not None:
                counted = self._is_counted(touch.sending)
            else:
                counted = self._in_period(touch.at) and self.email is None
                counted = counted and self.marketing in (None, touch.marketing)
            if counted:
                yield order, touch

    # --- what is counted ---

    def count(self, level: str) -> dict[Any, dict[str, Any]]:
        """Return {campaign: {metric: value}} of a level; the total's campaign is None."""
        rows: dict[Any, dict[str, Any]] = defaultdict(lambda: defaultdict(int))

        def key(email: int | None, marketing: int | None) -> Any:
            return {"email": email, "marketing": marketing, "total": None}[level]

        readers = defaultdict(lambda: defaultdict(set))  # type: ignore[var-annotated]
        for delivery, facts in self.facts.items():
            sending = self._sending_of(delivery)
            if not self._is_counted(sending):
                continue
            email = self._email_of(sending)
            row = key(email, self.campaign_of[email])
            self._count_delivery(rows[row], facts)
            person = (sending, facts[0]["person"])
            for metric in self._reactions(delivery, facts):
                readers[row][metric].add(person)
        who = defaultdict(set)
        for visit in self.visits:
            _, email_id, marketing, counted = self._belongs(visit)
            if counted and not (level == "email" and email_id is None):
                row = key(email_id, marketing)
                rows[row]["visits"] += 1
                who[row].add(visit.who)
        for order, touch in self.credits:
            if level == "email" and touch.email is None:
                continue
            row = key(touch.email, touch.marketing)
            kind = "" if order["confirmed"] else "unconfirmed_"
            rows[row][f"{kind}orders"] += 1
            if order["base"] is not None:
                rows[row][f"{kind}revenue"] += order["base"]
            if order["confirmed"] and touch.delivery in self.facts:
                assert touch.delivery is not None
                readers[row]["buyers"].add((touch.sending, self.facts[touch.delivery][0]["person"]))
        for row, metrics in readers.items():
            for metric, persons in metrics.items():
                rows[row][metric] = len(persons)
        for row, visitors in who.items():
            rows[row]["visitors"] = len(visitors)
        return {row: dict(metrics) for row, metrics in rows.items()}

    def _count_delivery(self, row: dict[str, Any], facts: list[Record]) -> None:
        states = {f["state"] for f in facts}
        now = max(facts, key=lambda f: f["seq"])["state"]
        sent = "accepted" in states
        assigned = bool(states - {"held_out", "skipped"})
        row["recipients"] += assigned
        row["held_out"] += "held_out" in states
        row["skipped"] += now == "skipped"
        row["sent"] += sent
        row["bounced"] += sent and "bounced" in states
        row["delivered"] += sent and "bounced" not in states
        row["rejected"] += not sent and now == "rejected"
        row["uncertain"] += not sent and now == "uncertain"
        row["waiting"] += assigned and not sent and now not in ("rejected", "uncertain", "skipped")

    def _reactions(self, delivery: int, facts: list[Record]) -> Iterable[str]:
        states = {f["state"] for f in facts}
        if "unsubscribed" in states:
            yield "unsubscribes"
        if "complained" in states:
            yield "complaints"
        names = {"open": "opens", "click": "clicks"}
        for event in self.world.events:
            if event.get("delivery_id") != delivery or event["endpoint"] not in "ocu":
                continue
            if event["kind"] == "unsubscribe":
                yield "unsubscribes"
            else:
                yield f"{names[event['kind']]}_all"
                if self.verdict.get(event["event_id"]) == "human":
                    yield f"{names[event['kind']]}_human"


def _device(event: Record) -> str:
    if event["visitor"]:
        return str(event["visitor"])
    return f"user:{event['user_id']}" if event["user_id"] else f"hit:{event['event_id']}"
