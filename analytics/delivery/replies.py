"""What a mail server's reply means for the recipient, the connection and the sending (RFC 5321 4.2)."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.delivery.records import Outcome

CLOSING = 421
_WANTS_LOGIN = frozenset({530, 534, 535, 538})  # RFC 4954 6: about us, not about the recipient
_LONGEST_TEXT = 500


@dataclass(frozen=True)
class Reply:
    """One reply: its code and its text, lines joined by blanks."""

    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip()[:_LONGEST_TEXT]

    @property
    def is_good(self) -> bool:
        """Whether it says yes."""
        return 200 <= self.code < 300


def refusal(reply: Reply) -> Outcome:
    """Return what a reply to MAIL, RCPT, DATA or the message that is no yes comes to.

    4yz: later. 5yz: never. 421 closes the connection and is no try of the recipient's. Anything else is no SMTP, and
    the server has not taken the message.
    """
    if reply.code == CLOSING:
        return Outcome("deferred", str(reply), counts=False)
    if reply.code in _WANTS_LOGIN:
        return Outcome("deferred", str(reply), counts=False, fatal=True)
    if 500 <= reply.code < 600:
        return Outcome("rejected", str(reply))
    return Outcome("deferred", str(reply))


def final(reply: Reply) -> Outcome:
    """Return what the reply to the complete message comes to."""
    if reply.is_good:
        return Outcome("accepted", str(reply))
    if 400 <= reply.code < 600:
        return refusal(reply)
    return Outcome("uncertain", str(reply))  # no SMTP reply after the final dot: nobody knows
