"""A story for the screens: a list, a mail, a campaign, people and robots who react, an order."""

from __future__ import annotations

import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage
from email.parser import BytesParser

import httpx

from analytics.collector.serve import background
from analytics.delivery import LocalSink, export_facts
from analytics.segments import Definition
from analytics.services import Services
from analytics.store.meta import set_meta
from analytics.tracking import apply_control, ingest
from analytics.views import sink, templates

PERSON = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
ROBOT = "python-requests/2.32"
HOSTILE = '<img src=x onerror="window.hacked=1">'


def prepare(services: Services) -> int:
    """Make a list, a template, a marketing campaign, a website and an email campaign; returns the last's number."""
    services.lists.create("All customer users", Definition("customer_user"), contact="email")
    templates.save(
        services,
        templates.Draft(
            None,
            "Spring news",
            "customer_user",
            "News for {{ entity.first_name | default('you') }}",
            "Three things worth a look",
            templates.started("Newsletter").html,
            "",
        ),
    )
    marketing = services.marketing_campaigns.create("Spring", "spring-26", budget=500)
    services.websites.create("Our shop", "shop", "https://shop.example.com", campaigns=[marketing.id])
    campaign = services.email_campaigns.create(
        "Spring news, first mail",
        marketing_list="All customer users",
        template="Spring news",
        marketing_campaign=marketing.id,
        cost=20,
    )
    return campaign.id


def send(services: Services, campaign: int) -> int:
    """Queue a campaign, send it into the local sink and return the number of mails there."""
    services.sendings.queue(campaign, f"story-{campaign}")
    while services.sendings.work():
        pass
    return sum(1 for _ in LocalSink(sink.folder(services)).files())


def react(services: Services) -> None:
    """Have people and robots react, then do what the worker does."""
    visit(services)
    count_up(services)


def visit(services: Services) -> None:
    """Have every third recipient open, click and visit, every tenth be a robot, by real requests to a collector."""
    with background(services.store) as address, httpx.Client(timeout=30) as client:
        for number, mail in enumerate(mails(services)):
            visitor = {"User-Agent": PERSON, "X-Forwarded-For": f"198.51.100.{number % 250 + 1}"}
            links = [_at(url, address) for url in re.findall(r'http[^\s"<>]+', _html(mail))]
            opens = [u for u in links if "/o/" in u]
            clicks = [u for u in links if "/c/" in u]
            if number % 10 == 0:
                for url in [*opens, *clicks, *clicks]:
                    client.get(url, headers={**visitor, "User-Agent": ROBOT})
            elif number % 3 == 0:
                for url in (*opens, *clicks[:1]):
                    client.get(url, headers=visitor)
                hit = {
                    "idsite": "shop",
                    "rec": "1",
                    "url": f"https://shop.example.com/?utm_campaign=spring-26&n={number}",
                }
                hit |= {"_id": f"{number:016x}", "action_name": HOSTILE}
                client.get(f"{address}/matomo.php", params=hit, headers=visitor)


def count_up(services: Services) -> None:
    """Do what the worker does with what came in."""
    apply_control(services.store)
    ingest(services.store)
    export_facts(services.store)


def story(services: Services) -> int:
    """Tell all of it; returns the campaign's number."""
    set_meta(services.store.state, "addresses", {"collector": "http://127.0.0.1:9"})
    campaign = prepare(services)
    send(services, campaign)
    react(services)
    return campaign


def mails(services: Services) -> Iterator[EmailMessage]:
    """Yield the mails in the sink, oldest first."""
    for path in reversed(list(LocalSink(sink.folder(services)).files())):
        message = BytesParser(policy=email.policy.default).parsebytes(path.read_bytes())
        assert isinstance(message, EmailMessage)
        yield message


def _html(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("html",))
    assert part is not None
    return str(part.get_content())


def _at(url: str, address: str) -> str:
    """Return a link of a mail at the collector's present address."""
    return re.sub(r"^https?://[^/]+", address, url)
