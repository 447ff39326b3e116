"""The local sink: a mail server on loopback that keeps every mail as a file and sends none.

A fresh workspace sends here only. Each mail is one `.eml` file, its envelope in the header lines `X-Envelope-From` and
`X-Envelope-To` put on top; folders hold one day and at most some thousand files each.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from analytics.errors import DeliveryError
from analytics.settings import SmtpSettings
from analytics.store.folder import writing

_FOLDER_SIZE = 5_000
_LARGEST_MAIL = 50 * 1024 * 1024


@dataclass(frozen=True)
class SunkMail:
    """One mail the sink caught."""

    path: Path
    received_at: datetime
    sender: str
    recipient: str
    subject: str


class LocalSink:
    """The mails of one folder, and a server that adds to them while it is started (use it in a `with` block)."""

    def __init__(self, folder: Path, host: str = "127.0.0.1", port: int = 0) -> None:
        """Nothing is opened before `start`; port 0 takes any free one."""
        self.folder, self._host, self._port = folder, host, port
        self._server: _Server | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where the server listens; raises DeliveryError when it is not started."""
        if self._server is None:
            raise DeliveryError("The local sink is not started.")
        return self._server.address

    @property
    def settings(self) -> SmtpSettings:
        """What a sender needs to reach it."""
        host, port = self.address
        return SmtpSettings(host=host, port=port, security="none", connections=4)

    def start(self) -> None:
        """Listen; raises DeliveryError when the address is taken."""
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._server = _Server(_Handler(self.folder), self._host, self._port)
        except OSError as error:
            raise DeliveryError(
                f"The local sink cannot listen on {self._host}:{self._port}: {error.strerror}. "
                f"Set sink_port to a free one, or to 0 for any."
            ) from error

    def stop(self) -> None:
        """Stop listening; a second call does nothing."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def __enter__(self) -> LocalSink:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def messages(self, limit: int | None = 100) -> list[SunkMail]:
        """Return the mails caught, the newest first, at most `limit` of them."""
        return [read_mail(path) for path in itertools.islice(self.files(), limit)]

    def files(self) -> Iterator[Path]:
        """Yield the files of the mails, the newest first."""
        if not self.folder.is_dir():
            return
        for day in sorted((p for p in self.folder.iterdir() if p.is_dir()), reverse=True):
            # Several processes may fill folders of the same day; names begin with the time.
            yield from sorted(day.glob("*/*.eml"), key=lambda path: path.name, reverse=True)


def read_mail(path: Path) -> SunkMail:
    """Return what the header of a mail in the sink says."""
    with path.open("rb") as file:
        head = file.read(64 * 1024).split(b"\r\n\r\n", 1)[0]
    header = BytesHeaderParser(policy=policy.default).parsebytes(head)
    received = datetime.strptime(f"{path.parent.parent.name} {path.name[:13]}+0000", "%Y%m%d %H%M%S-%f%z")
    return SunkMail(
        path=path,
        received_at=received,
        sender=str(header["X-Envelope-From"] or ""),
        recipient=str(header["X-Envelope-To"] or ""),
        subject=str(header["Subject"] or ""),
    )


class _Server:
    """An event loop in a thread, with the server in it."""

    def __init__(self, handler: _Handler, host: str, port: int) -> None:
        """Listen; raises OSError when the address cannot be had."""
        self._loop = asyncio.new_event_loop()
        self._handler, self._stopping = handler, asyncio.Event()
        try:
            server = self._loop.run_until_complete(self._loop.create_server(self._smtp, host, port))
        except BaseException:
            self._loop.close()
            raise
        self.address: tuple[str, int] = server.sockets[0].getsockname()[:2]
        self._thread = threading.Thread(target=self._run, args=(server,), name="local sink", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and drop what is connected."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _smtp(self) -> SMTP:
        return SMTP(
            self._handler,
            data_size_limit=_LARGEST_MAIL,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="Shelduck local sink",
            loop=self._loop,
        )

    def _run(self, server: asyncio.Server) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve(server))
        self._loop.close()

    async def _serve(self, server: asyncio.Server) -> None:
        await self._stopping.wait()
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports that were closed just now take their leave


class _Handler:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        content: Any = envelope.content
        head = f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {', '.join(envelope.rcpt_tos)}\r\n"
        try:
            self._keep(head.encode() + content)
        except OSError as error:
            return f"452 4.3.1 the sink cannot keep the mail: {error.strerror}"
        await asyncio.sleep(0)
        return "250 2.0.0 kept"

    def _keep(self, content: bytes) -> None:
        now, number = datetime.now(UTC), next(self._numbers)
        folder = self._folder / f"{now:%Y%m%d}" / f"{os.getpid()}-{number // _FOLDER_SIZE:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{now:%H%M%S-%f}-{number:06d}.eml"
        draft = path.with_suffix(".part")
        draft.write_bytes(content)
        draft.replace(path)  # who looks into the folder sees complete mails only
