"""A connection to a mail server: aiosmtplib connects, encrypts and logs in, then mails go out pipelined.

aiosmtplib waits for every reply before the next command, a quarter of the rate; here MAIL, RCPT and DATA leave in one
write where the server offers PIPELINING (RFC 2920), one by one elsewhere. A reply that never came is told apart by when
the connection was lost: before the message's final dot could leave nobody has the mail, after it nobody knows.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import aiosmtplib

from analytics.delivery.records import Outcome, Tuning
from analytics.delivery.replies import CLOSING, Reply, final, refusal
from analytics.errors import DeliveryError
from analytics.settings import SmtpSettings

_START_MAIL = 354
_FAREWELL_SECONDS = 2.0
_LONGEST_REPLY = 64 * 1024
_UNSAFE = re.compile(r"[\x00-\x20\x7f<>]")


class RefusedLogin(DeliveryError):
    """The mail server does not take our user name and password."""


class CannotConnect(DeliveryError):
    """The mail server cannot be reached, or does not speak as it should."""


class _Lost(Exception):
    """The connection ended while a reply was waited for."""


class Wire(asyncio.Protocol):
    """Bytes to a server and replies from it, in order."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._lines: list[str] = []
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._lost: str | None = None
        self._ended = asyncio.Event()
        self.is_flushed = True
        self.waits_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over the transport; with a limit of 0 it tells whenever something is not yet with the system."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own are no subclasses
        self._transport.set_write_buffer_limits(high=0)

    def pause_writing(self) -> None:
        """Note that bytes wait for the system to take them."""
        self.is_flushed = False

    def resume_writing(self) -> None:
        """Note that the system has everything."""
        self.is_flushed = True

    def data_received(self, data: bytes) -> None:
        """Cut what came into replies."""
        if self._rest:
            data = self._rest + data
        *lines, self._rest = data.split(b"\n")
        for line in lines:
            self._take(line.rstrip(b"\r"))
        if len(self._rest) > _LONGEST_REPLY or len(self._lines) > 1000:
            self.abort("the server sent a reply without end")
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note why nothing more will come."""
        if self._lost is None:
            self._lost = f"connection lost: {exc}" if exc else "connection closed by the server"
        self._ended.set()
        self._wake()

    @property
    def is_open(self) -> bool:
        """Whether something can be written; a reply nobody asked for (a 421 at leisure) is a farewell."""
        closing = self._transport is None or self._transport.is_closing()
        return self._lost is None and not closing and not self._replies

    def write(self, data: bytes) -> None:
        """Give bytes to the transport."""
        assert self._transport is not None
        if self._lost is None:
            self._transport.write(data)

    async def replies(self, count: int) -> list[Reply]:
        """Return the next `count` replies, fewer if one of them closes the connection; raises _Lost."""
        while len(self._replies) < count:
            if self._replies and self._replies[-1].code == CLOSING:
                break
            if self._lost is not None:
                raise _Lost(self._lost)
            self._waiter = self._loop.create_future()
            self.waits_since = time.monotonic()
            try:
                await self._waiter
            finally:
                self._waiter, self.waits_since = None, None
        return [self._replies.popleft() for _ in range(min(count, len(self._replies)))]

    def abort(self, why: str) -> None:
        """End the connection at once."""
        self._lost = self._lost or why
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    def close(self) -> None:
        """End the connection after what was written."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()

    async def end(self) -> None:
        """End the connection after what was written, and be sure that it has ended: TLS has a farewell of its own,
        which a server may never answer."""
        self.close()
        try:
            await asyncio.wait_for(self._ended.wait(), _FAREWELL_SECONDS)
        except TimeoutError:
            self.abort("the server did not end the connection")

    def _take(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace")
        if not line[:3].isdigit() or len(line) > _LONGEST_REPLY:
            self._lost = self._lost or f"the server sent no SMTP reply but {text[:80]!r}"
            self.close()
            return
        self._lines.append(text[4:].strip())
        if line[3:4] != b"-":
            self._replies.append(Reply(int(line[:3]), " ".join(filter(None, self._lines))))
            self._lines = []

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


@dataclass(frozen=True)
class _Offers:
    """What the server said it can do (RFC 5321 4.1.1.1)."""

    pipelining: bool
    eight_bit: bool
    utf8: bool
    size: int | None  # None: no SIZE; 0: SIZE without a limit

    @classmethod
    def of(cls, extensions: Mapping[str, str]) -> _Offers:
        size = extensions.get("size")
        limit = int(size) if size is not None and size.strip().isdigit() else 0
        return cls(
            pipelining="pipelining" in extensions,
            eight_bit="8bitmime" in extensions,
            utf8="smtputf8" in extensions,
            size=None if size is None else limit,
        )


async def _make_ready(client: aiosmtplib.SMTP, smtp: SmtpSettings) -> None:
    """Connect, encrypt and log in, step by step: in one step the client would end a connection that fails itself."""
    await client.connect()
    if smtp.security == "starttls":
        await client.starttls()
    if smtp.username is not None:
        await client.login(smtp.username, smtp.password or "")
    if client.is_ehlo_or_helo_needed:
        await client.ehlo()


def _drop(client: aiosmtplib.SMTP) -> None:
    """End a connection at once: a polite end of TLS would wait for the server, beyond the life of the loop."""
    if client.transport is not None:
        cast(asyncio.Transport, client.transport).abort()
    client.close()


class Connection:
    """A connection that is ready for mails, one after the other."""

    def __init__(self, wire: Wire, offers: _Offers, tuning: Tuning, *, is_encrypted: bool) -> None:
        self.wire, self._offers, self._tuning, self._is_encrypted = wire, offers, tuning, is_encrypted
        self._reset = False
        self._has_left = False

    @classmethod
    async def open(cls, smtp: SmtpSettings, local_name: str, tuning: Tuning) -> Connection:
        """Connect, encrypt and log in as the settings say; raises RefusedLogin or CannotConnect with the reason."""
        client = aiosmtplib.SMTP(
            hostname=smtp.host,
            port=smtp.port,
            use_tls=smtp.security == "tls",
            start_tls=False,
            local_hostname=local_name,
            timeout=tuning.connect,
            tls_context=tuning.tls,
        )
        place = f"{smtp.host}:{smtp.port}"
        try:
            await _make_ready(client, smtp)
        except aiosmtplib.SMTPAuthenticationError as error:
            _drop(client)
            raise RefusedLogin(
                f"The mail server {place} refuses user {smtp.username!r}: {error.code} {error.message}. "
                f"Put the right smtp.username and smtp.password into the settings."
            ) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            _drop(client)
            raise CannotConnect(f"The mail server {place} cannot be used: {_reason(error)}") from error
        transport = cast(asyncio.Transport, client.transport)
        wire = Wire()
        transport.set_protocol(wire)
        wire.connection_made(transport)
        if transport.is_closing():
            wire.connection_lost(None)
        offers = _Offers.of(client.esmtp_extensions)
        return cls(wire, offers, tuning, is_encrypted=transport.get_extra_info("sslcontext") is not None)

    @property
    def is_open(self) -> bool:
        """Whether a mail can be tried on it."""
        return self.wire.is_open

    @property
    def patience(self) -> float:
        """Seconds to wait for the reply that is due next."""
        return self._tuning.final_reply if self._has_left else self._tuning.reply

    async def deliver(self, sender: str, recipient: str, message: bytes) -> Outcome:
        """Send one message and return what became of it; the connection may be closed afterwards.

        `message` has CRLF line ends (RFC 5322 2.1).
        """
        refused = self._unfit(sender, recipient, message)
        if refused is not None:
            return refused
        try:
            outcome = await self._envelope(self._mail(sender, recipient, message), b"RCPT TO:<%s>" % recipient.encode())
        except _Lost as lost:
            return Outcome("deferred", str(lost))
        if outcome is not None:
            return self._closing(outcome)
        self.wire.write(_quoted(message))
        self._has_left = True
        try:
            (reply,) = await self.wire.replies(1)
        except _Lost as lost:
            # Over TLS the transport's own buffer hides what has left, so there the worse is assumed.
            left = self.wire.is_flushed or self._is_encrypted
            return Outcome("uncertain" if left else "deferred", str(lost))
        finally:
            self._has_left = False
        if reply.code < 200 or 300 <= reply.code < 400 or reply.code >= 600:
            self.wire.abort(f"the server answered a message with {reply}")
        return self._closing(final(reply))

    async def quit(self) -> None:
        """Say goodbye, and wait for the answer a moment."""
        if self.wire.is_open:
            self.wire.write(b"QUIT\r\n")
            with suppress(_Lost, TimeoutError):
                await asyncio.wait_for(self.wire.replies(1), _FAREWELL_SECONDS)
        await self.wire.end()

    async def _envelope(self, mail: bytes, rcpt: bytes) -> Outcome | None:
        """Open the transaction; None when the server waits for the message."""
        commands = [b"RSET", mail, rcpt, b"DATA"] if self._reset else [mail, rcpt, b"DATA"]
        if self._offers.pipelining:
            self.wire.write(b"\r\n".join(commands) + b"\r\n")
            replies = await self.wire.replies(len(commands))
        else:
            replies = []
            for command in commands:
                self.wire.write(command + b"\r\n")
                replies += await self.wire.replies(1)
                if not replies[-1].is_good:
                    break
        if self._reset and replies[0].is_good:
            replies = replies[1:]
        self._reset = False
        return await self._judged(replies)

    async def _judged(self, replies: list[Reply]) -> Outcome | None:
        """Return what the first reply that is no yes comes to, and leave the connection ready for the next mail."""
        bad = next((r for r in replies[:2] if not r.is_good), None)
        waiting = len(replies) == 3 and replies[2].code == _START_MAIL
        if bad is None and waiting:
            return None
        bad = bad or (replies[2] if len(replies) > 2 else replies[-1])
        if waiting:
            # RFC 2920 3.1: a server may ask for the message although it refused everybody; an empty one it refuses too.
            self.wire.write(b".\r\n")
            await self.wire.replies(1)
        self._reset = True
        return refusal(bad)

    def _closing(self, outcome: Outcome) -> Outcome:
        if outcome.code.startswith(str(CLOSING)):
            self.wire.close()
        return outcome

    def _mail(self, sender: str, recipient: str, message: bytes) -> bytes:
        parameters = b""
        if self._offers.size is not None:
            parameters += b" SIZE=%d" % len(message)  # RFC 1870
        if not message.isascii():
            parameters += b" BODY=8BITMIME"  # RFC 6152
        if not (sender.isascii() and recipient.isascii()):
            parameters += b" SMTPUTF8"  # RFC 6531
        return b"MAIL FROM:<%s>%s" % (sender.encode(), parameters)

    def _unfit(self, sender: str, recipient: str, message: bytes) -> Outcome | None:
        """Return the refusal of what this server said it cannot take, without asking it."""
        for address in (sender, recipient):
            if not address or _UNSAFE.search(address):
                return Outcome("rejected", f"501 5.1.3 the address {address!r} cannot be written in SMTP")
        if not (sender.isascii() and recipient.isascii()) and not self._offers.utf8:
            return Outcome("rejected", "550 5.6.7 the mail server takes ASCII addresses only (no SMTPUTF8)")
        if not message.isascii() and not self._offers.eight_bit:
            return Outcome("rejected", "554 5.6.1 the mail server takes 7-bit messages only (no 8BITMIME)")
        if self._offers.size and len(message) > self._offers.size:
            return Outcome(
                "rejected", f"552 5.3.4 the message has {len(message)} bytes, the server takes {self._offers.size}"
            )
        return None


def _quoted(message: bytes) -> bytes:
    """Return a message as DATA carries it: leading dots doubled, the final dot behind it (RFC 5321 4.5.2)."""
    quoted = message.replace(b"\r\n.", b"\r\n..")
    if quoted.startswith(b"."):
        quoted = b"." + quoted
    return quoted + (b".\r\n" if quoted.endswith(b"\r\n") else b"\r\n.\r\n")


def _reason(error: Exception) -> str:
    return f"{str(error) or type(error).__name__}."
