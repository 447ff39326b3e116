"""The local sink keeps every mail, and nothing leaves."""

from __future__ import annotations

import smtplib
from pathlib import Path

import pytest

from analytics.delivery import LocalSink
from analytics.errors import DeliveryError, WorkspaceError


def post(sink: LocalSink, number: int) -> None:
    host, port = sink.address
    with smtplib.SMTP(host, port) as client:
        client.sendmail(
            "shop@example.com", [f"p{number}@example.org"], f"Subject: Hello {number}\r\n\r\nHi\r\n.dot\r\n"
        )


def test_mails_are_files_and_the_newest_comes_first(tmp_path: Path) -> None:
    with LocalSink(tmp_path / "sink") as sink:
        for number in range(5):
            post(sink, number)
    caught = LocalSink(tmp_path / "sink").messages(limit=3)
    assert [(m.sender, m.recipient, m.subject) for m in caught] == [
        ("shop@example.com", f"p{n}@example.org", f"Hello {n}") for n in (4, 3, 2)
    ]
    assert caught[0].path.read_bytes().endswith(b"Subject: Hello 4\r\n\r\nHi\r\n.dot\r\n")
    assert caught[0].received_at >= caught[1].received_at
    assert len(list((tmp_path / "sink").rglob("*"))) == 5 + 2


def test_a_sink_without_mails_is_empty(tmp_path: Path) -> None:
    assert LocalSink(tmp_path / "nothing").messages() == []


def test_a_sink_listens_on_loopback_until_it_is_stopped(tmp_path: Path) -> None:
    sink = LocalSink(tmp_path / "sink")
    with pytest.raises(DeliveryError, match="not started"):
        _ = sink.address
    with sink:
        host, port = sink.address
        assert host == "127.0.0.1"
        with LocalSink(tmp_path / "sink") as other:
            assert other.address != sink.address
        with pytest.raises(DeliveryError, match="sink_port"):
            LocalSink(tmp_path / "sink", port=port).start()
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP(host, port)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "sink").write_text("a file")
    with pytest.raises(WorkspaceError, match="sink"):
        LocalSink(tmp_path / "sink").start()
