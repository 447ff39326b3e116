"""The front desk of a workspace: every service, made when it is first asked for.

Pages, commands, notebooks and tests reach the parts of Shelduck through this one object. A part is imported when it is
first used, so a command that needs one of them does not wait for the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from analytics.engine.shared import SharedEngine
from analytics.model.entity import EntityModel
from analytics.store import Store

if TYPE_CHECKING:
    from datetime import datetime

    from analytics.calls import Calls
    from analytics.campaigns import EmailCampaigns, MarketingCampaigns
    from analytics.delivery import Sendings
    from analytics.delivery.why import Why
    from analytics.engine import Engine
    from analytics.lists import Consents, ListHistory, Lists, Suppressions, Tags, Topics, Uploads
    from analytics.lists.overlap import Overlaps
    from analytics.lists.sizes import Sizes
    from analytics.reports import Reports
    from analytics.segments import Segments
    from analytics.templates import Templates
    from analytics.tracking import Websites


class Services:
    """The services over one open store. May be shared by threads; close it to give the store back."""

    def __init__(self, store: Store, model: EntityModel) -> None:
        self.store, self.model = store, model
        self._shared = SharedEngine(store)

    @cached_property
    def segments(self) -> Segments:
        """Stored conditions on an entity."""
        from analytics.segments import Segments

        return Segments(self.store, self.model)

    @cached_property
    def lists(self) -> Lists:
        """Marketing lists and the state of their members."""
        from analytics.lists import Lists

        return Lists(self.store, self.model, self.segments)

    @cached_property
    def list_history(self) -> ListHistory:
        """Versions of marketing lists, and copies."""
        from analytics.lists import ListHistory

        return ListHistory(self.store, self.model, self.lists)

    @cached_property
    def sizes(self) -> Sizes:
        """How large segments and lists were when, and who came and went."""
        from analytics.lists.sizes import Sizes

        return Sizes(self.store, self.model, self.segments, self.lists)

    @cached_property
    def overlaps(self) -> Overlaps:
        """Whom segments and lists share."""
        from analytics.lists.overlap import Overlaps

        return Overlaps(self.store, self.model, self.segments, self.lists)

    @cached_property
    def uploads(self) -> Uploads:
        """Files that marketing lists are made of."""
        from analytics.lists import Uploads

        return Uploads(self.store, self.model, self.segments, self.lists)

    @cached_property
    def suppressions(self) -> Suppressions:
        """Addresses and domains nobody mails."""
        from analytics.lists import Suppressions

        return Suppressions(self.store)

    @cached_property
    def topics(self) -> Topics:
        """What people may choose to get or not."""
        from analytics.lists import Topics

        return Topics(self.store)

    @cached_property
    def consents(self) -> Consents:
        """What people said yes and no to."""
        from analytics.lists import Consents

        return Consents(self.store, self.topics)

    @cached_property
    def tags(self) -> Tags:
        """Words on rows, to segment by."""
        from analytics.lists import Tags

        return Tags(self.store, self.model)

    @cached_property
    def templates(self) -> Templates:
        """What mails look like."""
        from analytics.templates import Templates

        return Templates(self.store, self.model)

    @cached_property
    def marketing_campaigns(self) -> MarketingCampaigns:
        """What email campaigns and websites belong to."""
        from analytics.campaigns import MarketingCampaigns

        return MarketingCampaigns(self.store)

    @cached_property
    def email_campaigns(self) -> EmailCampaigns:
        """Who is to get which template from whom."""
        from analytics.campaigns import EmailCampaigns

        return EmailCampaigns(self.store)

    @cached_property
    def sendings(self) -> Sendings:
        """Sendings of email campaigns and their ledger."""
        from analytics.delivery import Sendings

        return Sendings(self.store, self.model)

    @cached_property
    def calls(self) -> Calls:
        """Telephone calls: campaigns of them, who is next, what came of it."""
        from analytics.calls import Calls

        return Calls(self.store, self.model, self.lists)

    @cached_property
    def why(self) -> Why:
        """Why somebody was mailed, or not."""
        from analytics.delivery.why import Why

        return Why(self.store, self.model)

    @cached_property
    def websites(self) -> Websites:
        """Websites whose visits are tracked."""
        from analytics.tracking import Websites

        return Websites(self.store)

    @cached_property
    def reports(self) -> Reports:
        """Questions about what campaigns did."""
        from analytics.reports import Reports

        return Reports(self.store, self.model)

    @contextmanager
    def engine(self, as_of: datetime | None = None) -> Iterator[Engine]:
        """Yield DuckDB over the newest snapshot; blocks that see the same one share its database."""
        with self._shared.take(as_of) as engine:
            yield engine

    def close(self) -> None:
        """Give back everything that is open."""
        self._shared.close()
        self.store.close()

    def __enter__(self) -> Services:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
