"""The tracker script for shops: what an existing Matomo or Oro snippet loads as matomo.js or piwik.js."""

from __future__ import annotations

import hashlib
from importlib import resources

from analytics.collector import answers
from analytics.collector.answers import Answer
from analytics.collector.request import Request

_FILE = "tracker.js"


class TrackerScript:
    """The script with its validator: a browser that has it already gets 304 (RFC 9110 13.1.2)."""

    def __init__(self, text: bytes) -> None:
        """Take the script."""
        self._tag = b'"%s"' % hashlib.sha256(text).hexdigest()[:24].encode()
        kept = ((b"cache-control", b"public, max-age=3600"), (b"etag", self._tag))
        self._full = Answer(
            200,
            (
                (b"content-type", b"text/javascript; charset=utf-8"),
                (b"x-content-type-options", b"nosniff"),
                (b"cross-origin-resource-policy", b"cross-origin"),
                (b"access-control-allow-origin", b"*"),
                *kept,
            ),
            text,
        )
        self._same = Answer(304, kept)

    def answer(self, request: Request) -> Answer:
        """Return the script, or that the client has it."""
        if request.method not in ("GET", "HEAD"):
            return answers.refused_method("GET, HEAD")
        known = request.headers.get(b"if-none-match", b"")
        return self._same if self._tag in known or known.strip() == b"*" else self._full


def tracker_script() -> TrackerScript:
    """Return the script that ships with the package."""
    return TrackerScript(resources.files("analytics.collector").joinpath("static", _FILE).read_bytes())
