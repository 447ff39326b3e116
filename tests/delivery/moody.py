"""A mail server in a process of its own that keeps receipts on disk and is not to be relied on.

    python moody.py RECEIPTS SEED [--calm]

It prints its port. Each message taken is a line of RECEIPTS, on disk (fsync) before the reply: "taken <recipient>
<message-id>". A message that gets no reply on purpose is a line too, taken or not: "silent <recipient>". With the moods
on, it refuses for now and for ever, says 421, and drops connections at any moment, after the final dot too.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import sys
from pathlib import Path


class Moody:
    """One server; `seed` decides its moods."""

    def __init__(self, receipts: Path, seed: int, calm: bool, pipelining: bool = True) -> None:
        self._out = os.open(receipts, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._random, self._calm, self._pipelining = random.Random(seed), calm, pipelining

    async def serve(self) -> None:
        """Serve until killed."""
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, limit=2**20)
        print(server.sockets[0].getsockname()[1], flush=True)
        async with server:
            await server.serve_forever()

    def _moody(self, share: float) -> bool:
        return not self._calm and self._random.random() < share

    def _note(self, line: str) -> None:
        os.write(self._out, f"{line}\n".encode())
        os.fsync(self._out)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._session(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(text: str) -> None:
            writer.write(f"{text}\r\n".encode())

        if self._moody(0.02):
            say("421 4.3.2 not now")
            return
        say("220 moody")
        recipient: str | None = None
        has_mail = False
        while True:
            line = (await reader.readuntil(b"\n")).decode().strip()
            verb = line[:4].upper()
            if verb in ("MAIL", "RCPT", "DATA") and self._moody(0.015):
                return
            if verb == "EHLO":
                offers = ["PIPELINING"] if self._pipelining else []
                offers += ["SIZE 10000000", "8BITMIME", "SMTPUTF8"]
                for offer in ["moody", *offers[:-1]]:
                    say(f"250-{offer}")
                say(f"250 {offers[-1]}")
            elif verb == "RSET":
                recipient, has_mail = None, False
                say("250 2.0.0 forgotten")
            elif verb == "MAIL":
                if has_mail:
                    say("503 5.5.1 nested MAIL")
                    continue
                has_mail = True
                say("250 2.1.0 sender fine")
            elif verb == "RCPT":
                found = re.search(r"<(.*)>", line)
                assert found is not None
                if self._moody(0.02):
                    say("550 5.1.1 no such user")
                elif self._moody(0.03):
                    say("452 4.2.2 over quota")
                elif self._moody(0.01):
                    say("421 4.7.0 too many mails")
                    await writer.drain()
                    return
                else:
                    recipient = found[1]
                    say("250 2.1.5 recipient fine")
            elif verb == "DATA":
                if recipient is None:
                    say("503 5.5.1 nobody to send to")
                    continue
                say("354 go on")
                if not await self._message(reader, writer, recipient, say):
                    return
                recipient, has_mail = None, False
            elif verb == "QUIT":
                say("221 bye")
                await writer.drain()
                return
            else:
                say("250 2.0.0 whatever")
            await writer.drain()

    async def _message(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recipient: str, say) -> bool:  # type: ignore[no-untyped-def]
        await writer.drain()
        if self._moody(0.02):
            await reader.read(50)  # gone in the middle of the message; the sender may have all of it on the way
            self._note(f"silent {recipient}")
            return False
        message = b"\r\n" + await reader.readuntil(b"\r\n.\r\n")
        await asyncio.sleep(self._random.random() * 0.004)
        if self._moody(0.02):
            say("451 4.3.0 try again")
            return True
        if self._moody(0.02):
            say("554 5.7.1 looks like spam")
            return True
        found = re.search(rb"\r\nMessage-ID: (\S+)", message)
        assert found is not None
        self._note(f"taken {recipient} {found[1].decode()}")
        if self._moody(0.02):
            self._note(f"silent {recipient}")
            return False
        say("250 2.0.0 taken")
        return True


if __name__ == "__main__":
    asyncio.run(
        Moody(Path(sys.argv[1]), int(sys.argv[2]), "--calm" in sys.argv, "--step-by-step" not in sys.argv).serve()
    )
