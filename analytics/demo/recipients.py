"""How the demo's recipients behave: whether they open, click, look around, order, leave; and what machines do first.

A recipient is planned from the mail that arrived in the sink, as a list of steps with delays. The steps are real HTTP
requests; who plays them (a simulated clock over the collector's application, or live clients) is the player's affair.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import Literal

Act = Literal["open", "click", "head", "look", "order", "unsubscribe"]

_PIXEL = re.compile(r'src="([^"]+/o/[A-Za-z0-9_-]+\.gif)"')
_LINK = re.compile(r'href="([^"]+/c/[A-Za-z0-9_-]+)"')
_UNSUBSCRIBE = re.compile(r"<([^>]+/u/[A-Za-z0-9_-]+)>")

_DESKTOP = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 "
    "Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 "
    "Mobile/15E148 Safari/604.1",
)
_GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
_APPLE_PRIVACY = "Mozilla/5.0"
_SCANNERS = (
    "Mozilla/5.0 (compatible; LinkScanner/2.1; security check)",
    "python-requests/2.32.3",
    _DESKTOP[0],  # the worst kind: it says it is a browser
)


@dataclass(frozen=True)
class Rates:
    """How a list reacts, as shares of its recipients (or of those who did the step before)."""

    opens: float = 0.44
    clicks_of_opens: float = 0.36
    orders_of_clicks: float = 0.2
    unsubscribes: float = 0.004
    behind_gateway: float = 0.12  # a scanner opens the mail and follows every link before a person sees it
    mail_privacy: float = 0.22  # a proxy loads the pixel, whether the person looks or not


@dataclass(frozen=True)
class Mail:
    """What a recipient needs of a mail in the sink."""

    address: str
    pixel: str
    links: tuple[str, ...]
    unsubscribe: str

    @classmethod
    def read(cls, file: Path) -> Mail:
        """Read an .eml file that Shelduck sent."""
        message = message_from_bytes(file.read_bytes(), policy=policy.default)
        body = message.get_body(("html",))
        assert body is not None, f"{file} has no HTML part"
        html = body.get_content()
        pixel = _PIXEL.search(html)
        unsubscribe = _UNSUBSCRIBE.search(str(message["List-Unsubscribe"]))
        assert pixel is not None and unsubscribe is not None, f"{file} was not sent by a campaign"
        links = tuple(dict.fromkeys(found.replace("&amp;", "&") for found in _LINK.findall(html)))
        return cls(message["To"].addresses[0].addr_spec, pixel[1].replace("&amp;", "&"), links, unsubscribe[1])


@dataclass(frozen=True)
class Step:
    """One act. `after` is seconds since the mail arrived; a look or an order follows the click before it."""

    after: float
    act: Act
    url: str
    client_address: str
    user_agent: str
    is_machine: bool
    visitor: str = ""
    pages: int = 0
    orders: bool = False


def plan(mail: Mail, rates: Rates, rng: random.Random) -> list[Step]:
    """Return what happens to one mail, in order of time. Delays are those of real life: seconds for machines,
    hours for people (half of all reactions come in the first five hours)."""
    steps: list[Step] = []
    if rng.random() < rates.behind_gateway:
        steps += _scanner(mail, rng)
    private = rng.random() < rates.mail_privacy
    if private:
        steps.append(Step(rng.uniform(20, 5_000), "open", mail.pixel, _relay(rng), _APPLE_PRIVACY, True))
    if rng.random() < rates.opens:
        steps += _person(mail, rates, rng, private=private)
    return sorted(steps, key=lambda step: step.after)


def _scanner(mail: Mail, rng: random.Random) -> list[Step]:
    """A mail gateway: HEAD or GET on every link and the pixel within a second or two, from one address."""
    at, agent = rng.uniform(1.0, 4.0), rng.choice(_SCANNERS)
    # TEST-NET-2 (RFC 5737): a handful of gateways look at everybody's mail.
    address = f"198.51.100.{rng.randint(1, 8)}"
    steps = [Step(at, "open", mail.pixel, address, agent, True)]
    for number, link in enumerate(mail.links, 1):
        act: Act = "head" if agent.startswith("python") else "click"
        steps.append(Step(at + 0.15 * number, act, link, address, agent, True))
    return steps


def _person(mail: Mail, rates: Rates, rng: random.Random, *, private: bool) -> list[Step]:
    opened = rng.lognormvariate(9.7, 1.3)  # median about 4.5 hours
    # TEST-NET-3 and the benchmarking block (RFC 5737, RFC 2544): people have addresses of their own.
    address = f"198.{rng.randint(18, 19)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"
    agent = rng.choice(_DESKTOP)
    steps = []
    if not private:  # behind mail privacy the pixel was loaded already and is cached
        proxied = rng.random() < 0.3
        seen = _GMAIL if proxied else agent
        steps.append(Step(opened, "open", mail.pixel, _relay(rng) if proxied else address, seen, False))
    if rng.random() < rates.unsubscribes:
        return [*steps, Step(opened + 30, "unsubscribe", mail.unsubscribe, address, agent, False)]
    if mail.links and rng.random() < rates.clicks_of_opens:
        steps.append(
            Step(
                opened + rng.uniform(8, 120),
                "click",
                rng.choice(mail.links),
                address,
                agent,
                False,
                visitor=f"{rng.getrandbits(64):016x}",
                pages=rng.randint(1, 5),
                orders=rng.random() < rates.orders_of_clicks,
            )
        )
    return steps


def _relay(rng: random.Random) -> str:
    return f"203.0.113.{rng.randint(1, 254)}"


@dataclass(frozen=True)
class Truth:
    """What really happened, to be held against the report."""

    mails: int
    opened: int
    clicked: int
    ordered: int
    unsubscribed: int
    machine_requests: int
    requests: int

    @classmethod
    def of(cls, plans: Sequence[Sequence[Step]]) -> Truth:
        """Return the counts of some plans. Opened, clicked and so on count people."""

        def people(act: Act) -> int:
            return sum(any(s.act == act and not s.is_machine for s in steps) for steps in plans)

        every = [step for steps in plans for step in steps]
        return cls(
            mails=len(plans),
            opened=people("open"),
            clicked=people("click"),
            ordered=sum(any(s.orders for s in steps) for steps in plans),
            unsubscribed=people("unsubscribe"),
            machine_requests=sum(s.is_machine for s in every),
            requests=len(every),
        )
