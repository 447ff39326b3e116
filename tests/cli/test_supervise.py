"""The supervisor: parts come up, come back, and go together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from analytics.cli.supervise import Part, Supervisor

SECONDS = 30.0


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", textwrap.dedent(code)]


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{number}/stat").read_text().split()[2] != "Z"


FAITHFUL = """
    import os, signal, sys
    def leave(*_):
        print("leaving in good order")
        sys.exit(0)
    signal.signal(signal.SIGTERM, leave)
    print("up", os.getpid())
    while True:
        signal.pause()
"""


def test_parts_stop_together_in_good_order_and_their_lines_are_in_one_log(tmp_path: Path) -> None:
    log = tmp_path / "serve.log"
    parts = [Part(name, python(FAITHFUL)) for name in ("one", "two")]
    supervisor = Supervisor(parts, log, lambda line: None)

    def until(stop: threading.Event) -> None:
        assert eventually(lambda: log.read_text().count("up") == 2)
        supervisor.stop()

    assert supervisor.run(until) == 0
    text = log.read_text()
    assert "one | leaving in good order" in text
    assert "two | leaving in good order" in text


def test_a_part_that_dies_is_started_again_and_said_so(tmp_path: Path) -> None:
    log, shown = tmp_path / "serve.log", []
    supervisor = Supervisor([Part("frail", python("print('up'); raise SystemExit(3)"))], log, shown.append)

    def until(stop: threading.Event) -> None:
        assert eventually(lambda: log.read_text().count("frail | up") >= 2)
        supervisor.stop()

    supervisor.run(until)
    assert shown[0].startswith("frail ended with code 3; starting it again in 1 s")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    script = f"""
        import sys
        from pathlib import Path
        from analytics.cli.supervise import Part, Supervisor
        faithful = {textwrap.dedent(FAITHFUL)!r}
        part = Part("part", [sys.executable, "-u", "-c", faithful])
        sys.exit(Supervisor([part], Path({str(tmp_path / "log")!r}), print).run())
    """
    process = subprocess.Popen(python(script))
    try:
        assert eventually(lambda: (tmp_path / "log").exists() and "up" in (tmp_path / "log").read_text())
        process.send_signal(number)
        assert process.wait(SECONDS) == 0
        assert "leaving in good order" in (tmp_path / "log").read_text()
    finally:
        process.kill()


def test_parts_leave_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    child = textwrap.dedent("""
        import os, signal
        from analytics.cli.supervise import leave_with_supervisor
        leave_with_supervisor()
        def leave(*_):
            print("a last word")  # into a pipe nobody holds any more
            os._exit(0)
        signal.signal(signal.SIGTERM, leave)
        print("up", os.getpid())
        while True:
            signal.pause()
    """)
    script = f"""
        import sys
        from pathlib import Path
        from analytics.cli.supervise import Part, Supervisor
        part = Part("part", [sys.executable, "-u", "-c", {child!r}])
        Supervisor([part], Path({str(tmp_path / "log")!r}), print).run()
    """
    process = subprocess.Popen(python(script))
    assert eventually(lambda: (tmp_path / "log").exists() and "up" in (tmp_path / "log").read_text())
    number = int((tmp_path / "log").read_text().split()[-1])
    process.kill()
    process.wait()
    assert eventually(lambda: not is_alive(number))
