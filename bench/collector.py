"""The collector beside nginx: hits a second, ours on disk (fsync) before the answer, nginx's in a buffered log.

One process against one worker process, the same requests from the same client (wrk) over 64 keep-alive connections,
in turns. A GET hit has 12 parameters and the headers a browser sends; a bulk POST carries 100 such hits as JSON.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from analytics.store import Store
from bench.measure import Measure
from bench.tools import find, missing

_CONNECTIONS = 64
_QUERY = (
    "idsite=7&rec=1&r=913049&h=7&m=3&s=35&url=http%3A%2F%2Fshop.example%2Fwidgets.html%3Futm_campaign%3Dspring"
    "&action_name=Spring%20Sale%20-%20Widgets&_id=6c4d10b90e5bcf12&_rcn=spring-sale&_rck=widgets&uid=contact-42"
)
_HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0",
    "Accept": "image/avif,image/webp,image/apng,image/*,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.9",
    "Accept-Encoding": "gzip, deflate, br",
    "Referer": "http://shop.example/widgets.html?utm_campaign=spring",
}
_NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_requests 100000000;
  client_body_buffer_size 1m; client_max_body_size 2m;
  log_format hits '$remote_addr [$time_local] "$request" $status "$http_referer" "$http_user_agent"';
  log_format bodies '$remote_addr [$time_local] "$request" $status "$http_user_agent" "$request_body"';
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    access_log {folder}/access.log hits buffer=64k;
    location = /matomo.php {{ empty_gif; }}
    location = /bulk {{
      access_log {folder}/bulk.log bodies buffer=1m;
      proxy_pass http://127.0.0.1:{port}/taken;  # nginx reads, and so can log, a body only where it passes it on
    }}
    location = /taken {{ access_log off; return 204; }}
  }}
}}
"""


def run(quick: bool) -> list[Measure]:
    """Return the ratios; needs nginx and wrk, which `main` looked for."""
    nginx, wrk = find("nginx"), find("wrk")
    assert nginx is not None and wrk is not None, missing(["collector"])
    rounds, seconds = (1, 3) if quick else (5, 6)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shelduck-bench-")))
        ours = stack.enter_context(_collector(folder / "workspace"))
        theirs = stack.enter_context(_nginx(nginx, folder))
        hit, bulk = folder / "hit.lua", folder / "bulk.lua"
        hit.write_text(_script("GET", None))
        bulk.write_text(_script("POST", json.dumps({"requests": [f"?{_QUERY}"] * 100})))
        one = _rates(wrk, hit, rounds, seconds, f"{ours}/matomo.php?{_QUERY}", f"{theirs}/matomo.php?{_QUERY}")
        many = _rates(wrk, bulk, rounds, seconds, f"{ours}/matomo.php", f"{theirs}/bulk")
    return [
        Measure.of(f"GET hit, 12 parameters, {_CONNECTIONS} connections", *one, "hits/s"),
        Measure.of("bulk POST of 100 hits", many[0] * 100, many[1] * 100, "hits/s"),
    ]


def _rates(wrk: str, script: Path, rounds: int, seconds: int, ours: str, theirs: str) -> tuple[float, float]:
    """Return the median requests a second of both, measured in turns after one unmeasured second each."""
    for url in (ours, theirs):
        _load(wrk, script, 1, url)
    mine, other = [], []
    for _ in range(rounds):
        mine.append(_load(wrk, script, seconds, ours))
        other.append(_load(wrk, script, seconds, theirs))
    return statistics.median(mine), statistics.median(other)


def _load(wrk: str, script: Path, seconds: int, url: str) -> float:
    command = [wrk, "-t1", f"-c{_CONNECTIONS}", f"-d{seconds}", "-s", str(script), url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise SystemExit(f"{url} did not take every request:\n{text}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", text)
    assert found is not None, text
    return float(found[1])


def _script(method: str, body: str | None) -> str:
    """Return a wrk script that sends one request again and again."""
    lines = [f'wrk.method = "{method}"']
    if body is not None:
        lines += [f"wrk.body = [==[{body}]==]", 'wrk.headers["Content-Type"] = "application/json"']
    lines += [f'wrk.headers["{name}"] = "{value}"' for name, value in _HEADERS.items()]
    return "\n".join(lines) + "\n"


@contextmanager
def _collector(folder: Path) -> Iterator[str]:
    """Run our server as a process of its own; yields its address."""
    Store.create(folder).close()
    code = (
        "import sys, pathlib; from analytics.store import Store; from analytics.collector import run; "
        "say = lambda address: print(address, file=sys.stderr, flush=True); "
        "run(Store.open(pathlib.Path(sys.argv[1])), '127.0.0.1', 0, say)"
    )
    command = [sys.executable, "-c", code, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        yield process.stderr.readline().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextmanager
def _nginx(program: str, folder: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=folder, port=port))
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(configuration)], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
