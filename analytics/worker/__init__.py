"""The worker: everything that happens without anybody looking. Sends, ingests, exports, imports and tidies up."""

from analytics.worker.worker import Worker

__all__ = ["Worker"]
