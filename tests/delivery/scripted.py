"""A mail server in the test's own process that follows a script: what it says to whom, and what it was told."""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from analytics.settings import SmtpSettings

Say = Callable[[str], str | None]
"""Takes the recipient and returns the reply; None drops the connection instead."""


@dataclass
class Script:
    """Replies by moment; a moment that is not named is fine with everybody."""

    offers: tuple[str, ...] = ("PIPELINING", "SIZE 1000000", "8BITMIME", "SMTPUTF8")
    rcpt: Say = lambda recipient: "250 2.1.5 fine"
    data: Say = lambda recipient: "354 go on" if recipient else "503 5.5.1 nobody"
    final: Say = lambda recipient: "250 2.0.0 taken"
    greeting: str = "220 scripted"
    mail: str = "250 2.1.0 fine"
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    before_final: Callable[[str], None] = lambda recipient: None


class Scripted:
    """Runs a script on a loopback port, in a thread, for the length of a `with` block."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.script, self._tls = script, tls
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._talk, "127.0.0.1", 0, limit=2**20, ssl=tls)
        )
        self._thread = threading.Thread(target=self._run, daemon=True)

    def settings(self, connections: int = 1, **more: object) -> SmtpSettings:
        """Return what a sender needs to reach it."""
        port = self._server.sockets[0].getsockname()[1]
        values = {"host": "127.0.0.1", "port": port, "security": "none", "connections": connections, **more}
        return SmtpSettings.model_validate(values)

    def __enter__(self) -> Scripted:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        await self._stop.wait()
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._session(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = self.script
        script.connections += 1
        recipient, has_mail = "", False

        async def say(reply: str | None) -> bool:
            if reply is None:
                return False
            writer.write(f"{reply}\r\n".encode())
            await writer.drain()
            return not reply.startswith("421")

        going = await say(script.greeting)
        while going:
            line = (await reader.readuntil(b"\n")).decode().strip()
            verb = line[:4].upper()
            script.commands.append(line)
            if verb == "EHLO":
                lines = ["scripted", *script.offers]
                for offer in lines[:-1]:
                    writer.write(f"250-{offer}\r\n".encode())
                going = await say(f"250 {lines[-1]}")
            elif verb == "MAIL":
                going = await say("503 5.5.1 nested MAIL" if has_mail else script.mail)
                has_mail = script.mail.startswith("2")
            elif verb == "RCPT":
                found = re.search(r"<(.*)>", line)
                assert found is not None
                reply = script.rcpt(found[1]) if has_mail else "503 5.5.1 no MAIL"
                recipient = found[1] if reply is not None and reply.startswith("2") else ""
                going = await say(reply)
            elif verb == "DATA":
                reply = script.data(recipient)
                going = await say(reply)
                if reply is not None and reply.startswith("354"):
                    going = await self._message(reader, recipient, say)
                    recipient, has_mail = "", False
            elif verb == "RSET":
                recipient, has_mail = "", False
                going = await say("250 2.0.0 forgotten")
            elif verb == "QUIT":
                await say("221 2.0.0 bye")
                going = False
            else:
                going = await say("500 5.5.2 what")

    async def _message(self, reader: asyncio.StreamReader, recipient: str, say) -> bool:  # type: ignore[no-untyped-def]
        message = await reader.readuntil(b"\n")
        while message != b".\r\n" and not message.endswith(b"\r\n.\r\n"):
            message += await reader.readuntil(b"\n")
        if not recipient:
            return bool(await say("554 5.5.1 no valid recipients"))
        self.script.before_final(recipient)
        reply = self.script.final(recipient)
        if reply is not None and reply.startswith("2"):
            self.script.messages.append((recipient, message[:-3].replace(b"\r\n..", b"\r\n.")))
        return bool(await say(reply))
