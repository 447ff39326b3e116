"""The public side: accepts opens, clicks, unsubscribes and page visits, and has them on disk before it answers."""

from analytics.collector.app import Collector
from analytics.collector.serve import background, run

__all__ = ["Collector", "background", "run"]
