"""Plays planned recipients as HTTP requests to the collector, on a simulated clock or live."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from analytics.demo.recipients import Mail, Step
from analytics.demo.till import Till
from analytics.errors import TrackingError
from analytics.model.clock import SimulatedClock
from analytics.model.progress import Progress

_WINDOW = timedelta(minutes=5)  # of simulated time; what falls into one is played side by side
_SHOP = "https://shop.example.com"
_PAGES = ("/", "/desk", "/paper", "/writing", "/storage", "/kitchen", "/basket")


@dataclass(order=True)
class _Due:
    at: datetime
    number: int
    mail: Mail = field(compare=False)
    step: Step = field(compare=False)


class Player:
    """Plays steps in order of time; what a click leads to (visits, orders) is played as it comes."""

    def __init__(
        self, client: httpx.AsyncClient, till: Till, *, website: str, seed: int, clock: SimulatedClock | None = None
    ) -> None:
        """Take the client that reaches the collector, the till and the website's identifier.

        With `clock` the time is moved to each step; without one the steps are waited for.
        """
        self._client, self._till, self._website, self._clock = client, till, website, clock
        self._random = random.Random(seed)
        self._numbers = itertools.count()
        self._due: list[_Due] = []
        self.requests = 0

    async def play(
        self, plans: Sequence[tuple[datetime, Mail, Sequence[Step]]], progress: Progress, until: datetime | None = None
    ) -> None:
        """Play all steps of (arrival, mail, plan), up to `until` if given. Raises TrackingError if one is refused."""
        for arrival, mail, steps in plans:
            for step in steps:
                self._plan(arrival + timedelta(seconds=step.after), mail, step)
        under_way: set[asyncio.Task[None]] = set()
        while self._due or under_way:
            if self._due and (until is None or self._due[0].at <= until):
                under_way |= await (self._simulated() if self._clock else self._live())
                progress(self.requests, None, "requests")
            elif not under_way:
                break
            if under_way:
                # A simulated window ends before the next begins; live ones overlap as they do in life.
                wait = asyncio.ALL_COMPLETED if self._clock else asyncio.FIRST_COMPLETED
                done, under_way = await asyncio.wait(under_way, timeout=None if self._clock else 0.01, return_when=wait)
                for task in done:
                    task.result()

    def _plan(self, at: datetime, mail: Mail, step: Step) -> None:
        heapq.heappush(self._due, _Due(at, next(self._numbers), mail, step))

    async def _simulated(self) -> set[asyncio.Task[None]]:
        assert self._clock is not None
        end = self._due[0].at + _WINDOW
        tasks = set()
        while self._due and self._due[0].at <= end:
            due = heapq.heappop(self._due)
            self._clock.move_to(max(due.at, self._clock.now()))
            tasks.add(asyncio.create_task(self._act(due)))
            await asyncio.sleep(0)  # the collector takes the time down before it first waits
        return tasks

    async def _live(self) -> set[asyncio.Task[None]]:
        wait = (self._due[0].at - datetime.now(UTC)).total_seconds()
        if wait > 0:
            await asyncio.sleep(min(wait, 0.05))
        tasks = set()
        while self._due and self._due[0].at <= datetime.now(UTC):
            tasks.add(asyncio.create_task(self._act(heapq.heappop(self._due))))
        return tasks

    def _act(self, due: _Due) -> Coroutine[Any, Any, None]:
        acts = {"open": self._get, "click": self._click, "head": self._head, "look": self._look, "order": self._order}
        return acts.get(due.step.act, self._unsubscribe)(due)

    async def _request(self, due: _Due, method: str, url: str, expected: int, **options: Any) -> httpx.Response:
        headers = {"X-Forwarded-For": due.step.client_address, "User-Agent": due.step.user_agent}
        try:
            response = await self._client.request(method, url, headers=headers, **options)
        except httpx.HTTPError as error:
            raise TrackingError(f"{method} {url} was not answered: {error or type(error).__name__}.") from error
        self.requests += 1
        if response.status_code != expected:
            raise TrackingError(f"{method} {url} was answered {response.status_code}; expected {expected}.")
        return response

    async def _get(self, due: _Due) -> None:
        await self._request(due, "GET", due.step.url, 200)

    async def _head(self, due: _Due) -> None:
        await self._request(due, "HEAD", due.step.url, 302)

    async def _unsubscribe(self, due: _Due) -> None:
        await self._request(due, "POST", due.step.url, 200, data={"List-Unsubscribe": "One-Click"})

    async def _click(self, due: _Due) -> None:
        response = await self._request(due, "GET", due.step.url, 302)
        if due.step.is_machine:
            return
        at, landing = due.at, response.headers["location"]
        for page in range(due.step.pages):
            url = landing if page == 0 else _SHOP + self._random.choice(_PAGES)
            self._plan(at, due.mail, self._then(due.step, "look", url))
            at += timedelta(
                seconds=self._random.uniform(0.3, 1.0) if self._clock is None else self._random.uniform(5, 90)
            )
        if due.step.orders:
            self._plan(at, due.mail, self._then(due.step, "order", f"{_SHOP}/thank-you"))

    def _then(self, step: Step, act: Any, url: str) -> Step:
        return Step(0, act, url, step.client_address, step.user_agent, False, visitor=step.visitor)

    async def _look(self, due: _Due) -> None:
        title = urlsplit(due.step.url).path.strip("/").title() or "Start"
        await self._hit(due, {"url": due.step.url, "action_name": title})

    async def _order(self, due: _Due) -> None:
        now = due.at if self._clock else datetime.now(UTC)
        number, revenue, items = self._till.ring_up(due.mail.address, now)
        order = {"idgoal": "0", "ec_id": number, "revenue": f"{revenue:.2f}", "ec_items": items}
        await self._hit(due, {"url": due.step.url, **order})

    async def _hit(self, due: _Due, parameters: dict[str, str]) -> None:
        parts = urlsplit(due.mail.pixel)
        common = {"idsite": self._website, "rec": "1", "apiv": "1", "_id": due.step.visitor, "send_image": "0"}
        tracker = f"{parts.scheme}://{parts.netloc}/matomo.php"
        await self._request(due, "GET", tracker, 204, params={**common, **parameters})
