"""Tracking websites: the shops and sites whose visits are counted, and the snippet that goes into their pages."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, or_, select, update

from analytics.errors import NotFound, TrackingError
from analytics.store import Store
from analytics.store.state import upsert
from analytics.store.tables import marketing_campaign, tracking_website, website_campaign


@dataclass(frozen=True)
class Website:
    """One tracking website.

    `identifier` is what clients send as idsite (Matomo numbers, Oro's words); `order_field` names the field of the
    order entity that an order number (ec_id) of this website equals; `campaign_ids` are its marketing campaigns.
    """

    id: int
    name: str
    identifier: str
    url: str
    order_field: str
    campaign_ids: tuple[int, ...]
    created_at: datetime
    updated_at: datetime


class Websites:
    """The tracking websites of a workspace."""

    def __init__(self, store: Store) -> None:
        """Take the store; nothing is kept beside it."""
        self._store = store

    def create(
        self, name: str, identifier: str, url: str, *, order_field: str = "identifier", campaigns: Sequence[int] = ()
    ) -> Website:
        """Add a website and return it.

        Raises TrackingError for an identifier that is taken or holds other characters than letters, digits, "_" and
        "-", for an address that is no http one, and for an empty name; NotFound for a marketing campaign.
        """
        values = _checked({"name": name, "identifier": identifier, "url": url, "order_field": order_field})
        now = self._store.clock.now()
        with self._store.state.write() as connection:
            _refuse_taken(connection, values["identifier"], None)
            added = connection.execute(tracking_website.insert().values(**values, created_at=now, updated_at=now))
            assert added.inserted_primary_key is not None
            number = int(added.inserted_primary_key[0])
            _link(connection, number, campaigns)
        return self.get(number)

    def update(
        self,
        website: int | str,
        *,
        name: str | None = None,
        identifier: str | None = None,
        url: str | None = None,
        order_field: str | None = None,
        campaigns: Sequence[int] | None = None,
    ) -> Website:
        """Change what is given and return the website; raises as `create`, and NotFound.

        A changed identifier concerns what comes from now on: events keep the one they came with.
        """
        number = self.get(website).id
        given = {"name": name, "identifier": identifier, "url": url, "order_field": order_field}
        values = _checked({key: value for key, value in given.items() if value is not None})
        with self._store.state.write() as connection:
            if "identifier" in values:
                _refuse_taken(connection, values["identifier"], number)
            connection.execute(
                update(tracking_website)
                .where(tracking_website.c.id == number)
                .values(**values, updated_at=self._store.clock.now())
            )
            if campaigns is not None:
                _link(connection, number, campaigns)
        return self.get(number)

    def get(self, website: int | str) -> Website:
        """Return a website by its id, or by its identifier or else its name; raises NotFound listing identifiers."""
        columns = tracking_website.c
        if isinstance(website, int):
            found = self._read(columns.id == website)
        else:
            found = self._read(or_(columns.identifier == website, columns.name == website))
            found = [w for w in found if w.identifier == website] or found
        if not found:
            raise NotFound("tracking website", website, [w.identifier for w in self.all()])
        return found[0]

    def all(self) -> list[Website]:
        """Return all websites by name."""
        return self._read()

    def of_campaign(self, campaign_id: int) -> list[Website]:
        """Return the websites linked to a marketing campaign, by name."""
        linked = select(website_campaign.c.website_id).where(website_campaign.c.marketing_campaign_id == campaign_id)
        return self._read(tracking_website.c.id.in_(linked))

    def link(self, website: int | str, campaigns: Sequence[int]) -> Website:
        """Make `campaigns` (ids) the marketing campaigns of a website and return it; raises NotFound."""
        return self.update(website, campaigns=campaigns)

    def delete(self, website: int | str) -> None:
        """Remove a website; its events stay. Raises NotFound."""
        number = self.get(website).id
        with self._store.state.write() as connection:
            connection.execute(delete(tracking_website).where(tracking_website.c.id == number))

    def snippet(self, website: int | str, collector_url: str, flavour: str = "matomo") -> str:
        """Return the text to paste before `</head>` of every page, reporting to the collector at `collector_url`.

        "matomo" is what Matomo's documentation describes, "oro" the calls Oro's own snippet makes. Raises TrackingError
        for an address that is no http one and for an unknown flavour.
        """
        found = self.get(website)
        address = _address(collector_url, "collector")
        if flavour not in _SNIPPETS:
            raise TrackingError(f"There is no snippet {flavour!r}; there are {', '.join(_SNIPPETS)}.")
        return _SNIPPETS[flavour] % {"url": _script_text(address + "/"), "site": _script_text(found.identifier)}

    def _read(self, *conditions: Any) -> list[Website]:
        with self._store.state.read() as connection:
            rows = connection.execute(
                select(tracking_website).where(*conditions).order_by(tracking_website.c.name, tracking_website.c.id)
            ).all()
            links = connection.execute(
                select(website_campaign).order_by(website_campaign.c.marketing_campaign_id)
            ).all()
        campaigns: dict[int, list[int]] = {}
        for link in links:
            campaigns.setdefault(link.website_id, []).append(link.marketing_campaign_id)
        return [
            Website(
                row.id, row.name, row.identifier, row.url, row.order_field, tuple(campaigns.get(row.id, ())),
                row.created_at, row.updated_at,
            )
            for row in rows
        ]  # fmt: skip


def _checked(values: dict[str, str]) -> dict[str, str]:
    checked = {key: value.strip() for key, value in values.items()}
    if "name" in checked and not 1 <= len(checked["name"]) <= 255:
        raise TrackingError("A tracking website needs a name of 1 to 255 characters.")
    identifier = checked.get("identifier")
    if identifier is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", identifier):
        raise TrackingError(
            f"Identifier {identifier!r} cannot be sent as idsite; use 1 to 60 letters, digits, '_' and '-', "
            f"such as shop-eu or 7."
        )
    if "url" in checked:
        checked["url"] = _address(checked["url"], "website")
    if "order_field" in checked and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", checked["order_field"]):
        raise TrackingError(f"{checked['order_field']!r} is no field of an order; name one such as identifier or id.")
    return checked


def _address(url: str, what: str) -> str:
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable or len(url) > 2000 or re.search(r"[\s\"'<>\\]", url.strip()):
        raise TrackingError(f"The {what}'s address {url!r} is none; write it as https://shop.example.com.")
    return url.strip().rstrip("/")


def _refuse_taken(connection: Connection, identifier: str, own: int | None) -> None:
    row = connection.execute(
        select(tracking_website.c.id, tracking_website.c.name).where(tracking_website.c.identifier == identifier)
    ).first()
    if row is not None and row.id != own:
        raise TrackingError(f"Identifier {identifier!r} is that of the website {row.name!r}; choose another one.")


def _link(connection: Connection, website_id: int, campaigns: Sequence[int]) -> None:
    known = {row.id: row.name for row in connection.execute(select(marketing_campaign.c.id, marketing_campaign.c.name))}
    for campaign in campaigns:
        if campaign not in known:
            raise NotFound("marketing campaign", campaign, [f"{number} ({name})" for number, name in known.items()])
    connection.execute(delete(website_campaign).where(website_campaign.c.website_id == website_id))
    rows = [{"website_id": website_id, "marketing_campaign_id": campaign} for campaign in dict.fromkeys(campaigns)]
    upsert(connection, website_campaign, rows, ["website_id", "marketing_campaign_id"])


def _script_text(text: str) -> str:
    """Return text as a JavaScript string that cannot end the script element."""
    return json.dumps(text).replace("<", "\\u003c")


_MATOMO = """\
<script>
  var _paq = window._paq = window._paq || [];
  /* Say who is signed in, where somebody is: _paq.push(["setUserId", "customer@example.com"]); */
  _paq.push(["trackPageView"]);
  _paq.push(["enableLinkTracking"]);
  (function () {
    var u = %(url)s;
    _paq.push(["setTrackerUrl", u + "matomo.php"]);
    _paq.push(["setSiteId", %(site)s]);
    var d = document, g = d.createElement("script"), s = d.getElementsByTagName("script")[0];
    g.async = true; g.src = u + "matomo.js"; s.parentNode.insertBefore(g, s);
  })();
</script>
"""

_ORO = """\
<script>
  var _paq = _paq || [];
  /* A guest is "id=guest; visitor-id=51", a customer user "id=42; email=customer@example.com; visitor-id=51". */
  _paq.push(["setUserId", "id=guest"]);
  _paq.push(["setConversionAttributionFirstReferrer", false]);
  _paq.push(["trackPageView"]);
  /* _paq.push(["trackEvent", "OroCRM", "Tracking", "order placed", 24.97]); */
  (function () {
    var u = %(url)s;
    _paq.push(["setTrackerUrl", u + "tracking.php"]);
    _paq.push(["setSiteId", %(site)s]);
    var d = document, g = d.createElement("script"), s = d.getElementsByTagName("script")[0];
    g.type = "text/javascript"; g.async = true; g.defer = true; g.src = u + "piwik.js"; s.parentNode.insertBefore(g, s);
  })();
</script>
"""

_SNIPPETS: dict[str, str] = {"matomo": _MATOMO, "oro": _ORO}
