"""Encryption and log-in, against a server with a certificate of its own."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from sqlalchemy import select

from analytics.delivery import Tuning, drain
from analytics.settings import SmtpSettings
from analytics.store import Store
from analytics.store.tables import sending
from tests.delivery.ledgers import PlainPlan, a_sending
from tests.delivery.scripted import Script, Scripted


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and its key for 127.0.0.1, in one file."""
    folder = tmp_path_factory.mktemp("certificate")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes(cert.read_bytes() + key.read_bytes())
    return both


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusting(certificate: Path) -> Tuning:
    """A sender that knows the certificate."""
    return Tuning(tls=ssl.create_default_context(cafile=str(certificate)), reconnect=(0, 0), most_failures=3)


class Inbox:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.recipients: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        self.recipients += envelope.rcpt_tos
        return "250 2.0.0 taken"


@pytest.fixture
def guarded(server_tls: ssl.SSLContext) -> Iterator[tuple[Inbox, SmtpSettings]]:
    """A server that wants STARTTLS and a log-in."""
    inbox = Inbox()

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"shop", b"let me in"), handled=False)

    with Scripted(Script()) as probe:  # a free port: aiosmtpd cannot be asked for any
        port = probe.settings().port
    controller = Controller(
        inbox,
        hostname="127.0.0.1",
        port=port,
        tls_context=server_tls,
        require_starttls=True,
        auth_required=True,
        authenticator=check,
    )
    controller.start()
    try:
        yield (
            inbox,
            SmtpSettings(
                host="127.0.0.1", port=port, username="shop", password="let me in", security="starttls", connections=2
            ),
        )
    finally:
        controller.stop()


def test_starttls_and_login(store: Store, guarded: tuple[Inbox, SmtpSettings], trusting: Tuning) -> None:
    inbox, smtp = guarded
    number = a_sending(store, 20)
    sent = drain(store, None, number, smtp=smtp, tuning=trusting, plan=PlainPlan(20_000))  # type: ignore[arg-type]
    assert (sent.status, sent.accepted) == ("done", 20)
    assert len(set(inbox.recipients)) == 20


def test_a_wrong_password_pauses_with_a_sentence(
    store: Store, guarded: tuple[Inbox, SmtpSettings], trusting: Tuning
) -> None:
    inbox, smtp = guarded
    number = a_sending(store, 2)
    wrong = smtp.model_copy(update={"password": "guess"})
    sent = drain(store, None, number, smtp=wrong, tuning=trusting, plan=PlainPlan())  # type: ignore[arg-type]
    assert sent.status == "paused"
    with store.state.read() as connection:
        reason = connection.execute(select(sending.c.status_reason)).scalar_one()
    assert "refuses user 'shop'" in reason
    assert "guess" not in reason
    assert not inbox.recipients


def test_a_certificate_nobody_vouches_for_is_refused(store: Store, guarded: tuple[Inbox, SmtpSettings]) -> None:
    inbox, smtp = guarded
    number = a_sending(store, 2)
    tuning = Tuning(reconnect=(0, 0), most_failures=2)
    assert drain(store, None, number, smtp=smtp, tuning=tuning, plan=PlainPlan()).status == "paused"  # type: ignore[arg-type]
    assert not inbox.recipients


def test_tls_from_the_first_byte(store: Store, server_tls: ssl.SSLContext, trusting: Tuning) -> None:
    number = a_sending(store, 20)
    script = Script()
    with Scripted(script, server_tls) as server:
        smtp = server.settings(2, security="tls")
        sent = drain(store, None, number, smtp=smtp, tuning=trusting, plan=PlainPlan(20_000))  # type: ignore[arg-type]
    assert (sent.status, sent.accepted) == ("done", 20)
    assert len(script.messages) == 20
