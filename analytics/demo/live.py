"""The demo's last campaign, sent now: through the running worker and collector, with recipients that react at once."""

from __future__ import annotations

import asyncio
import math
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import httpx

from analytics.delivery import complete_through as delivered_through
from analytics.demo import story
from analytics.demo.play import Stage, import_tables, mails_of, prepare
from analytics.demo.player import Player
from analytics.demo.recipients import Mail, Step, Truth, plan
from analytics.demo.till import Till
from analytics.errors import CampaignError, TrackingError
from analytics.store.meta import get_meta, set_meta
from analytics.tracking import complete_through as ingested_through

_PATIENCE = 300.0  # seconds for any one step of the others
_SPREAD = 30.0  # seconds into which the reactions of days are pressed
_CONNECTIONS = 48


@dataclass(frozen=True)
class Played:
    """What was done and what the recipients really did."""

    campaign: str
    truth: Truth
    orders: int


class Stopped(Exception):
    """Ctrl-C while the campaign was played."""


def play_live(stage: Stage, collector: str, stop: threading.Event) -> Played | None:
    """Send the live campaign once and play its recipients; None if an earlier start has done so already.

    A restart never sends anything twice. Recipients who were stopped while they reacted start over, with orders of
    other numbers; a person who opens twice counts once.
    Raises Stopped when `stop` is set meanwhile, TrackingError or CampaignError when another part does not keep up.
    """
    services, episode = stage.services, story.LIVE
    state = services.store.state
    if get_meta(state, "demo").get("live") == "played":
        return None
    _await(lambda: _is_up(collector), stop, f"the collector at {collector} to answer", TrackingError)
    known = {c.name: c for c in services.email_campaigns.all()}
    campaign = known[episode.name].id if episode.name in known else prepare(stage, episode)
    with services.engine() as engine:
        size = services.segments.count(services.lists.get(episode.list_name).definition, engine)
    stage.say(f"Segment {episode.list_name!r}: {size:,} customer users with at least two orders in the last 365 days")
    sending = services.sendings.queue(campaign, request_key=f"demo/{episode.name}")
    status = _follow(stage, sending.id, stop)
    stage.say(f"Sent {episode.name!r} through the mail server on this machine: {status}")
    attempt = get_meta(state, "demo").get("attempts", 0) + 1
    set_meta(state, "demo", {**get_meta(state, "demo"), "attempts": attempt})
    played = _react(stage, sending.id, attempt, stop)
    set_meta(state, "demo", {**get_meta(state, "demo"), "live": "played"})
    return played


def _react(stage: Stage, sending_id: int, attempt: int, stop: threading.Event) -> Played:
    services, episode = stage.services, story.LIVE
    rng = random.Random(stage.seed)
    mails = mails_of(services, sending_id)
    begun = datetime.now(UTC)
    plans = [(begun, mail, _pressed(plan(mail, episode.rates, rng))) for mail in mails]
    truth = Truth.of([steps for _, _, steps in plans])
    stage.say(
        f"{truth.mails:,} recipients react for about {_SPREAD + 10:.0f} seconds; {truth.machine_requests:,} of "
        f"{truth.requests:,} requests to mail links are machines' ({truth.machine_requests / truth.requests:.0%})"
    )
    till = Till(stage.shop.tables["customer_user"], stage.shop.tables["product"], series=f"9{attempt}", seed=stage.seed)
    requests = asyncio.run(_play(stage, till, plans, stop))
    orders = till.book()
    import_tables(stage, orders)
    count = len(orders.get("order", ()))
    stage.say(f"{requests:,} requests answered by the collector; {count:,} orders imported from the shop's export")
    return Played(episode.name, truth, count)


async def _play(
    stage: Stage, till: Till, plans: Sequence[tuple[datetime, Mail, list[Step]]], stop: threading.Event
) -> int:
    limits = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
    async with httpx.AsyncClient(limits=limits, timeout=60) as client:
        player = Player(client, till, website=story.WEBSITE, seed=stage.seed)
        playing = asyncio.create_task(player.play(plans, stage.progress))
        while not playing.done():
            await asyncio.wait([playing], timeout=0.2)
            if stop.is_set():
                playing.cancel()
                raise Stopped
        playing.result()
        return player.requests


def _pressed(steps: list[Step]) -> list[Step]:
    """Press days into seconds. What machines do within seconds keeps its pace; so do a person's own steps, nearly."""
    pressed = []
    first: float | None = None
    for step in steps:
        if step.after < 10:
            pressed.append(step)
        elif step.is_machine or first is None:
            at = 5 + _SPREAD * (1 - math.exp(-step.after / 20_000))
            pressed.append(replace(step, after=at))
            if not step.is_machine:
                first = step.after
                begun = at
        else:
            pressed.append(replace(step, after=begun + max(1.2, (step.after - first) / 20)))
    return pressed


def _follow(stage: Stage, sending_id: int, stop: threading.Event) -> str:
    """Wait until the worker has sent everything; returns the counts in words."""
    sendings = stage.services.sendings
    deadline = time.monotonic() + _PATIENCE
    while True:
        status = sendings.status(sending_id)
        stage.progress(status.finished, status.total, "mails")
        if status.status == "done":
            return ", ".join(f"{count:,} {state.replace('_', ' ')}" for state, count in status.counts.items() if count)
        if status.status not in ("scheduled", "freezing", "sending"):
            raise CampaignError(f"The demo's campaign is {status.status}: {status.reason or 'no reason was given'}.")
        if time.monotonic() > deadline:
            raise CampaignError("The worker did not send the demo's campaign in time; look into logs/serve.log.")
        if stop.wait(0.3):
            raise Stopped


def await_ingest(stage: Stage, since: datetime, stop: threading.Event) -> None:
    """Wait until everything the collector accepted by `since` (aware) is in the lake, and the ledger's facts too."""
    store = stage.services.store
    _await(
        lambda: min(ingested_through(store), delivered_through(store)) >= since,
        stop,
        "the worker to take in what the collector accepted",
        TrackingError,
    )


def _await(
    condition: Callable[[], bool], stop: threading.Event, what: str, error: type[TrackingError | CampaignError]
) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise error(f"Waited {_PATIENCE:.0f} seconds for {what}, in vain; look into logs/serve.log.")
        if stop.wait(0.2):
            raise Stopped


def _is_up(collector: str) -> bool:
    try:
        return httpx.get(f"{collector}/healthz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
