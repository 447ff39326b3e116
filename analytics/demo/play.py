"""Plays the demo shop's past through the product's own code, on a simulated clock."""

from __future__ import annotations

import asyncio
import itertools
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pandas as pd

from analytics.collector.app import Collector
from analytics.delivery import LocalSink, export_facts, record_bounce
from analytics.demo import story
from analytics.demo.calling import CAMPAIGN as CALLS
from analytics.demo.calling import play_calls
from analytics.demo.player import Player
from analytics.demo.recipients import Mail, Truth, plan
from analytics.demo.shop import Shop
from analytics.demo.story import Episode
from analytics.demo.till import Till
from analytics.entities.importing import import_file
from analytics.model.clock import SimulatedClock
from analytics.model.progress import Progress
from analytics.model.token import Verifier
from analytics.services import Services
from analytics.store.spool import SpoolFolder
from analytics.tracking import apply_control, ingest

Say = Callable[[str], None]
_WATCHED = timedelta(days=14)  # reactions that come later than this after a mail are not played


@dataclass
class Stage:
    """What the players share: services, shop, seed, and where to tell what happens."""

    services: Services
    shop: Shop
    seed: int
    say: Say
    progress: Progress


def play_past(stage: Stage, clock: SimulatedClock, today: datetime, episodes: Sequence[Episode] = story.PAST) -> None:
    """Play 18 months: the shop's exports are imported as they came, the campaigns sent and reacted to.

    Repeating it after an interruption would play reactions twice; a demo that is not complete is made anew.
    """
    set_up(stage)
    since = stage.shop.opened_at
    for number, episode in enumerate(episodes, 1):
        at = _at_nine(today - episode.ago)
        clock.move_to(at)
        import_export(stage, since, at)
        since = at
        _play_episode(stage, clock, episode, number)
    clock.move_to(max(clock.now(), today - timedelta(minutes=1)))
    import_export(stage, since, today)
    count = play_calls(stage.services, stage.seed)
    stage.say(f"{clock.now():%d %b %Y}  {CALLS!r}: {count:,} calls noted")


def set_up(stage: Stage) -> None:
    """Make the tracking website, the marketing campaigns, the topics and the segments."""
    services = stage.services
    marketing = services.marketing_campaigns
    for told in story.CAMPAIGNS:
        marketing.create(told.name, code=told.code, budget=told.budget)
    campaigns = [marketing.get(told.code).id for told in story.CAMPAIGNS]
    services.websites.create("Demo shop", story.WEBSITE, story.SHOP_URL, campaigns=campaigns)
    for name, description in story.TOPICS:
        services.topics.create(name, description=description)
    for name, source in story.SEGMENTS.items():
        services.segments.save(name, services.segments.resolve(source))


def import_export(stage: Stage, since: datetime, until: datetime) -> None:
    """Import what the shop's export has that is newer than last time."""
    counts = import_tables(stage, stage.shop.between(since, until))
    orders = counts.get("order", 0)
    stage.services.sizes.measure_due()
    stage.say(f"{until:%d %b %Y}  imported the shop's export: {sum(counts.values()):,} rows, {orders:,} of them orders")


def import_tables(stage: Stage, tables: Mapping[str, pd.DataFrame]) -> dict[str, int]:
    """Import tables by entity name as Parquet files; returns rows read by entity."""
    counts = {}
    services = stage.services
    with tempfile.TemporaryDirectory(prefix="shelduck-demo-") as folder:
        for entity, table in tables.items():
            if table.empty:
                continue
            file = Path(folder) / f"{entity}.parquet"
            table.to_parquet(file, index=False)
            import_file(services.store, services.model, file, entity=entity, progress=stage.progress)
            counts[entity] = len(table)
    return counts


def prepare(stage: Stage, episode: Episode) -> int:
    """Make the list, template and email campaign of an episode, unless they exist; returns the campaign's number."""
    services = stage.services
    lists = {known.name for known in services.lists.all()}
    if episode.list_name not in lists:
        services.lists.create(episode.list_name, segment=episode.list_name, kind="dynamic", contact="email")
    services.templates.save(
        episode.name, subject=episode.subject, preheader=episode.preheader, html=episode.html, entity="customer_user"
    )
    campaign = services.email_campaigns.create(
        episode.name,
        marketing_list=episode.list_name,
        template=episode.name,
        marketing_campaign=episode.code,
        holdout_percent=episode.holdout,
        cost=episode.cost,
        topic=story.TOPICS[0][0],
    )
    return campaign.id


def mails_of(services: Services, sending_id: int) -> list[Mail]:
    """Return the mails of the newest sending from the sink, in the order of their recipients."""
    count = services.sendings.status(sending_id).counts["accepted"]
    files = itertools.islice(LocalSink(services.store.folder.sink).files(), count)
    return sorted((Mail.read(file) for file in files), key=lambda mail: mail.address)


def _play_episode(stage: Stage, clock: SimulatedClock, episode: Episode, number: int) -> None:
    services, rng = stage.services, random.Random(stage.seed + number)
    sending = services.sendings.queue(prepare(stage, episode), request_key=f"demo/{episode.name}")
    while services.sendings.work(progress=stage.progress):
        pass
    mails = _bounce(stage, mails_of(services, sending.id), episode, rng)
    began = clock.now()
    plans = [(began + timedelta(seconds=rng.uniform(0, 60)), mail, plan(mail, episode.rates, rng)) for mail in mails]
    till = Till(stage.shop.tables["customer_user"], stage.shop.tables["product"], series=f"4{number}", seed=number)
    asyncio.run(_react(stage, clock, till, plans, began + _WATCHED))
    apply_control(services.store)
    ingest(services.store)
    export_facts(services.store)
    import_tables(stage, till.book())
    truth = Truth.of([steps for _, _, steps in plans])
    orders = len(till.book().get("order", ()))
    stage.say(
        f"{began:%d %b %Y}  {episode.name!r}: {len(mails):,} delivered, {truth.opened:,} people opened, "
        f"{truth.clicked:,} clicked, {orders:,} ordered; {truth.machine_requests:,} requests were machines'"
    )


def _bounce(stage: Stage, mails: list[Mail], episode: Episode, rng: random.Random) -> list[Mail]:
    """Let some mails come back, as a mailbox of bounces would tell; returns those that did not."""
    store = stage.services.store
    verifier = Verifier(store.keys.secrets())
    kept = []
    for mail in mails:
        if rng.random() >= episode.bounces:
            kept.append(mail)
            continue
        token = verifier.verify(mail.pixel.rsplit("/", 1)[1].removesuffix(".gif"), "o")
        assert token is not None
        record_bounce(store, token.delivery_id, "hard", "5.1.1 User unknown", store.clock.now())
    return kept


async def _react(
    stage: Stage, clock: SimulatedClock, till: Till, plans: Sequence[tuple[datetime, Mail, list]], until: datetime
) -> None:
    store = stage.services.store
    # In simulated time files of five minutes would hold a hit or two each.
    app = Collector(replace(store, spool=SpoolFolder(store.folder.spool, clock, interval=2 * _WATCHED)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
        player = Player(client, till, website=story.WEBSITE, seed=stage.seed, clock=clock)
        await player.play(plans, stage.progress, until)
    await app.close()


def _at_nine(moment: datetime) -> datetime:
    return moment.replace(hour=9, minute=0, second=0, microsecond=0)
