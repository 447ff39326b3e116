"""Marketing lists, the state of their members, the addresses nobody mails, topics and consents."""

from analytics.lists.consents import Consent, Consents, Standing
from analytics.lists.csvfile import BadLine, FileReport
from analytics.lists.history import ListHistory
from analytics.lists.lists import Lists
from analytics.lists.marks import Marked
from analytics.lists.records import ListCounts, MarketingList, Members, Refresh
from analytics.lists.suppressions import DomainBlock, Suppression, SuppressionPage, Suppressions
from analytics.lists.tags import TagCount, Tags
from analytics.lists.topics import Topic, TopicCounts, Topics
from analytics.lists.uploads import Matched, Upload, Uploads
from analytics.lists.versions import ListVersion

__all__ = [
    "BadLine",
    "Consent",
    "Consents",
    "DomainBlock",
    "FileReport",
    "ListCounts",
    "ListHistory",
    "ListVersion",
    "Lists",
    "Marked",
    "MarketingList",
    "Matched",
    "Members",
    "Refresh",
    "Standing",
    "Suppression",
    "SuppressionPage",
    "Suppressions",
    "TagCount",
    "Tags",
    "Topic",
    "TopicCounts",
    "Topics",
    "Upload",
    "Uploads",
]
