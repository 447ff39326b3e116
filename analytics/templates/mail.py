"""Mails of one sending, as bytes: composed once, then filled in for each recipient.

A mail is multipart/alternative in quoted-printable (RFC 2045, 2046), so it passes every server. What recipients have
in common is encoded once; a mail is a list of byte pieces with some of them replaced. `email.message` and a full render
cost 4 ms for what takes 0.1 ms here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from email.utils import format_datetime
from html import unescape
from types import MappingProxyType
from typing import Any

from analytics.errors import TemplateError
from analytics.model.token import TOKEN_LENGTH, Signer
from analytics.templates.compose import CompiledTemplate, Composer, Variant
from analytics.templates.headers import address_header, custom_header, mailbox_of, text_header
from analytics.templates.links import cleaned, is_web
from analytics.templates.marks import Piece
from analytics.templates.part import Recipient
from analytics.templates.quoted import Lines, encoded_value

_MOST_FRAMES = 256
_MESSAGE_ID = re.compile(r"[!-;=?-~]{3,200}")
_BASE_URL = re.compile(r"https?://[A-Za-z0-9.:/_~%\[\]-]{1,300}", re.I)
_OWN_HEADERS = {
    *("from", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "mime-version", "sender", "return-path"),
    *("content-type", "content-transfer-encoding", "list-unsubscribe", "list-unsubscribe-post", "dkim-signature"),
    *("x-campaign-id", "x-recipient-id", "received", "resent-from", "resent-to"),
}
_SOFT = b"=\r\n"


@dataclass(frozen=True)
class RenderedMail:
    """One mail: the message with CRLF line ends (RFC 5322), the SHA-256 of its body (all after the empty line, so the
    Date does not matter), and the addresses of the links that are this recipient's own, by number."""

    message: bytes
    sha256: bytes
    links: Mapping[int, str]


@dataclass(frozen=True)
class _Frame:
    """The body of one variant: pieces of bytes, and where something is put in for a recipient."""

    pieces: tuple[bytes, ...]
    boundaries: tuple[int, ...]
    links: tuple[tuple[int, tuple[int, ...]], ...]
    opens: tuple[int, ...]
    unsubscribes: tuple[int, ...]
    preferences: tuple[int, ...]
    values: tuple[tuple[int, int, bool], ...]  # place, hole, whether HTML
    addresses: tuple[tuple[int, int, tuple[Piece, ...], bool], ...]  # place, link number, pieces, whether HTML


class MailPlan:
    """What all mails of one sending have in common. May be shared by threads."""

    def __init__(
        self,
        template: CompiledTemplate,
        *,
        signer: Signer,
        base_url: str,
        sending_id: int,
        sender_name: str,
        sender_email: str,
        campaign_name: str,
        campaign_code: str | None,
        shop_name: str,
        today: date,
        zone: str = "UTC",
        reply_to: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Compose the mails of a sending.

        `base_url` is the collector's public address, `today` the local day of the sending (the variable `today`),
        `zone` the time zone times are shown in, `headers` further ones for all mails. Raises TemplateError for a
        header, sender or address that cannot be used, and for what cannot be composed.
        """
        base = base_url.rstrip("/")
        if not _BASE_URL.fullmatch(base):
            raise TemplateError(f"The collector's address is {base_url!r}; expected one such as https://t.example.com.")
        constants = {
            "shop.name": shop_name,
            "sender.name": sender_name,
            "sender.email": sender_email,
            "campaign.name": campaign_name,
            "campaign.code": campaign_code,
            "today": today,
        }
        self._composer = Composer(template, constants, zone=zone, track=True)
        self._signer, self._base, self._sending_id = signer, base, sending_id
        self._click, self._unsubscribe, self._preferences = f"{base}/c/", f"{base}/u/", f"{base}/p/"
        self._from = address_header("From", sender_name, sender_email)
        self._common = b"".join(
            (
                b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
                text_header("X-Campaign-ID", str(sending_id)),
                address_header("Reply-To", "", reply_to) if reply_to else b"",
                *(_further(name, value) for name, value in headers.items()),
                b"MIME-Version: 1.0\r\n",
            )
        )
        self._frames: dict[str, _Frame] = {}

    @property
    def constant_links(self) -> dict[int, str]:
        """The targets of links that are the same for everybody, by number: stored once for the sending."""
        return {number: cleaned(address) for number, address in self._composer.links.items()}

    def render(
        self,
        delivery_id: int,
        address: str,
        values: Mapping[str, Any],
        *,
        message_id: str,
        date: datetime,
        name: str = "",
    ) -> RenderedMail:
        """Return the mail to one recipient.

        `values` are those of the template's `paths`, by dotted path, native or as the ledger kept them (JSON); a
        missing one is null. `message_id` has the form id@domain, with or without angle brackets; `date` is aware;
        `name` is shown beside the address. The same arguments give the same bytes. Raises TemplateError naming what
        is wrong.
        """
        sign = self._signer.sign
        unsubscribe = sign("u", delivery_id)
        preferences = sign("p", delivery_id) if self._composer.uses_preferences else ""
        recipient = self._composer.recipient(values, self._unsubscribe + unsubscribe, self._preferences + preferences)
        outline = self._composer.outline(recipient)
        frame = self._frames.get(outline)
        if frame is None:
            frame = self._framed(outline)
        identity = message_id.removeprefix("<").removesuffix(">")
        boundary = self._boundary(identity)
        links: dict[int, str] = {}
        body = self._body(frame, recipient, delivery_id, boundary, unsubscribe.encode(), links)
        head = self._head(delivery_id, address, name, self._composer.subject(recipient), identity, date, unsubscribe)
        message = b'%sContent-Type: multipart/alternative;\r\n boundary="%s"\r\n\r\n%s' % (head, boundary, body)
        return RenderedMail(message, hashlib.sha256(body).digest(), links)

    def _head(
        self, delivery_id: int, address: str, name: str, subject: str, identity: str, date: datetime, token: str
    ) -> bytes:
        if not _MESSAGE_ID.fullmatch(identity):
            raise TemplateError(f"Message-ID {identity!r} cannot be used; expected one such as 7f3c@example.com.")
        if date.tzinfo is None:
            raise TemplateError(f"A mail's date needs a time zone; {date.isoformat()} has none.")
        to = address_header("To", name, address) if name else f"To: {mailbox_of(address)}\r\n".encode()
        line = (
            f"Date: {format_datetime(date)}\r\nMessage-ID: <{identity}>\r\n"
            f"List-Unsubscribe: <{self._unsubscribe}{token}>\r\nX-Recipient-ID: {delivery_id}\r\n"
        )
        return b"".join((self._from, to, text_header("Subject", subject), line.encode(), self._common))

    def _body(
        self,
        frame: _Frame,
        recipient: Recipient,
        delivery_id: int,
        boundary: bytes,
        unsubscribe: bytes,
        links: dict[int, str],
    ) -> bytes:
        out = list(frame.pieces)
        sign, holes = self._signer.sign, self._composer.shared.holes
        for number, places in frame.links:
            token = sign("c", delivery_id, number).encode()
            for place in places:
                out[place] = token
        if frame.opens:
            token = sign("o", delivery_id).encode()
            for place in frame.opens:
                out[place] = token
        for place in frame.unsubscribes:
            out[place] = unsubscribe
        if frame.preferences:
            token = sign("p", delivery_id).encode()
            for place in frame.preferences:
                out[place] = token
        for place in frame.boundaries:
            out[place] = boundary
        for place, hole, html in frame.values:
            out[place] = encoded_value(holes[hole].html(recipient) if html else holes[hole].text(recipient))
        for place, number, inside, html in frame.addresses:
            out[place] = encoded_value(self._address(recipient, delivery_id, number, inside, html, links))
        return b"".join(out)

    def _address(
        self,
        recipient: Recipient,
        delivery_id: int,
        number: int,
        inside: tuple[Piece, ...],
        html: bool,
        links: dict[int, str],
    ) -> str:
        """Return a recipient's own address, tracked if it is one of http or https."""
        fill = self._composer.as_html if html else self._composer.as_text
        written = fill(inside, recipient)
        target = cleaned(unescape(written) if html else written)
        if not is_web(target) or target.startswith((self._unsubscribe, self._preferences)):
            return written
        links[number] = target
        return self._click + self._signer.sign("c", delivery_id, number)

    def _boundary(self, identity: str) -> bytes:
        """Return the boundary: fixed for a mail, and never part of quoted-printable, for it begins with =_."""
        made = hashlib.sha256(f"{self._sending_id}:{identity}".encode()).hexdigest()
        return f"=_{made[:32]}".encode()

    def _framed(self, outline: str) -> _Frame:
        frame = _FrameMaker(self._base).frame(self._composer.variant(outline))
        while len(self._frames) >= _MOST_FRAMES:
            self._frames.pop(next(iter(self._frames), ""), None)
        self._frames[outline] = frame
        return frame


def _further(name: str, value: str) -> bytes:
    if name.lower() in _OWN_HEADERS:
        raise TemplateError(f"Header {name} is written by the mail itself; leave it out.")
    return custom_header(name, value)


@dataclass
class _FrameMaker:
    """Encodes a variant and notes where something is put in."""

    base: str
    pieces: list[bytes] = field(default_factory=list)
    pending: list[bytes] = field(default_factory=list)
    slots: dict[str, list[Any]] = field(default_factory=dict)

    def frame(self, variant: Variant) -> _Frame:
        """Return the frame of a variant; a maker makes one."""
        kinds = ("text/plain", variant.text, False), ("text/html", variant.html, True)
        for kind, found, html in kinds:
            self.pending.append(b"--")
            self._slot("boundary")
            self.pending.append(
                f"\r\nContent-Type: {kind}; charset=utf-8\r\n"
                "Content-Transfer-Encoding: quoted-printable\r\n\r\n".encode()
            )
            self._part(found, html)
            self.pending.append(b"\r\n")
        self.pending.append(b"--")
        self._slot("boundary")
        self.pending.append(b"--\r\n")
        self._flush()
        slots = self.slots
        clicks: dict[int, list[int]] = {}
        for place, number in slots.get("L", ()):
            clicks.setdefault(number, []).append(place)
        return _Frame(
            pieces=tuple(self.pieces),
            boundaries=tuple(place for (place,) in slots.get("boundary", ())),
            links=tuple((number, tuple(places)) for number, places in clicks.items()),
            opens=tuple(place for place, _ in slots.get("O", ())),
            unsubscribes=tuple(place for place, _ in slots.get("U", ())),
            preferences=tuple(place for place, _ in slots.get("R", ())),
            values=tuple(slots.get("E", ())),
            addresses=tuple(slots.get("P", ())),
        )

    def _part(self, found: Sequence[Piece], html: bool) -> None:
        lines = Lines()
        is_after_value = False
        for piece in found:
            if piece.kind in ("E", "P"):
                if is_after_value:
                    lines.done.append(_SOFT)
                lines.own_line()
                self._take(lines)
                self._slot(piece.kind, piece.number, *((piece.inside,) if piece.kind == "P" else ()), html)
                is_after_value = True
                continue
            text = piece.text if piece.kind == "text" else self.base + _PATHS[piece.kind]
            if is_after_value and not text.startswith(("\n", "\r")):
                lines.done.append(_SOFT)
            is_after_value = False
            lines.text(text)
            if piece.kind != "text":
                lines.fixed(TOKEN_LENGTH)
                self._take(lines)
                self._slot(piece.kind, piece.number)
                if piece.kind == "O":
                    lines.text(".gif")
        self.pending.append(lines.close())

    def _take(self, lines: Lines) -> None:
        """Move what is encoded so far to the frame; the line goes on at its column."""
        self.pending += lines.done
        lines.done = []

    def _slot(self, kind: str, *about: Any) -> None:
        self._flush()
        self.slots.setdefault(kind, []).append((len(self.pieces), *about))
        self.pieces.append(b"")

    def _flush(self) -> None:
        if self.pending:
            self.pieces.append(b"".join(self.pending))
            self.pending = []


_PATHS = {"L": "/c/", "O": "/o/", "U": "/u/", "R": "/p/"}
