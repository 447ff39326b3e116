"""The local sink on screen: the last mails that would have gone out."""

from __future__ import annotations

import email.policy
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from analytics.delivery.sink import LocalSink, SunkMail, read_mail
from analytics.errors import NotFound
from analytics.services import Services

_HEADERS = ("Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post")


@dataclass(frozen=True)
class Mail:
    """A mail in the sink, by its head. `name` is its path below the sink's folder."""

    name: str
    at: datetime
    sender: str
    recipient: str
    subject: str


@dataclass(frozen=True)
class Opened:
    """A mail in full: its two bodies (None when it has no such part) and the headers worth a look."""

    mail: Mail
    html: str | None
    text: str | None
    headers: tuple[tuple[str, str], ...]


def folder(services: Services) -> Path:
    """Return the folder mails land in while no server is set."""
    return services.store.folder.root / "sink"


def last(services: Services, limit: int = 50) -> tuple[Mail, ...]:
    """Return the newest mails in the sink, newest first."""
    root = folder(services)
    return tuple(_mail(root, caught) for caught in LocalSink(root).messages(limit))


def opened(services: Services, name: str) -> Opened:
    """Return one mail; raises NotFound unless `name` is a mail in the sink."""
    root = folder(services).resolve()
    path = (root / name).resolve()
    if path.suffix != ".eml" or not path.is_relative_to(root) or not path.is_file():
        raise NotFound("mail in the local sink", name)
    with path.open("rb") as file:
        message = BytesParser(policy=email.policy.default).parse(file)
    assert isinstance(message, EmailMessage)
    return Opened(
        mail=_mail(root, read_mail(path)),
        html=_body(message, "html"),
        text=_body(message, "plain"),
        headers=tuple((header, str(message[header])) for header in _HEADERS if message[header]),
    )


def _mail(root: Path, caught: SunkMail) -> Mail:
    name = caught.path.relative_to(root).as_posix()
    return Mail(name, caught.received_at, caught.sender, caught.recipient, caught.subject)


def _body(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body(preferencelist=(kind,))
    return None if part is None else str(part.get_content())
