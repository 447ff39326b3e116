"""Marketing lists, the state of their members, and the addresses nobody mails."""

from analytics.lists.lists import Lists
from analytics.lists.records import ListCounts, MarketingList, Members, Refresh
from analytics.lists.suppressions import Suppression, Suppressions

__all__ = ["ListCounts", "Lists", "MarketingList", "Members", "Refresh", "Suppression", "Suppressions"]
