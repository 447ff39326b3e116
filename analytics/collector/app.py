"""The collector: what each address does, and that a hit is on disk before it is answered.

GET and HEAD change nothing but counts; only POST unsubscribes or saves preferences. Whatever it is sent, it stores what
came and never looks closer than it must: parsing is the ingest's, and can be repeated.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Coroutine
from functools import lru_cache, partial
from typing import Any, Literal, TypeVar

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError

from analytics.collector import answers
from analytics.collector.answers import Answer
from analytics.collector.asgi import Receive, Scope, Send, lifespan, serve_request
from analytics.collector.client import client_addresses
from analytics.collector.commit import GroupCommit
from analytics.collector.lines import (
    ControlLine,
    Endpoint,
    HitLine,
    PreferencesLine,
    hit_line,
    line_ids,
    microsecond_clock,
    moment,
)
from analytics.collector.links import Keys, Links
from analytics.collector.pages import Pages
from analytics.collector.preferences import PreferencePages
from analytics.collector.request import Request, plain_path
from analytics.collector.threads import Overloaded, StateThreads
from analytics.collector.tracker import tracker_script
from analytics.errors import AnalyticsError
from analytics.model.token import Purpose, Token
from analytics.store import Store
from analytics.store.suppressing import Unsubscribe, unsubscribe_all

_STATE_SECONDS = 3.0  # a mail client waits about that long for an answer
_READERS, _WRITERS = 3, 2  # apart: a locked database holds up writes only, and links are read on
_MOST_WAITING = 512  # requests that wait for keys to be read again
_STATE_AWAY = (AnalyticsError, SQLAlchemyError, OSError, TimeoutError, Overloaded)
_NO_IMAGE = re.compile(rb"(?:^|&)send_image=0(?:&|$)")
_ORIGIN = re.compile(rb"[\x21-\x7e]{1,300}")
_HEADER_NAMES = re.compile(rb"[A-Za-z0-9, _-]{1,500}")
_ONE_CLICK = re.compile(rb"List-Unsubscribe\s*=\s*One-Click|name=\"?List-Unsubscribe\"?\s+One-Click", re.IGNORECASE)
_READS, _TRACKS = "GET, HEAD", "GET, HEAD, POST, OPTIONS"
T = TypeVar("T")
_log = structlog.get_logger("collector")


class _Bulk(msgspec.Struct):
    requests: list[msgspec.Raw]


class Collector:
    """Answers requests of one event loop: `handle` for our own server, `__call__` for any ASGI one."""

    def __init__(self, store: Store) -> None:
        """Take the store of the workspace; threads start with the first request."""
        self._store = store
        self._client = client_addresses(store.settings.trusted_proxies, store.settings.anonymise_bytes)
        self._keys = Keys(store)
        self._links = Links(store, self._keys)
        self._pages = Pages(store.settings.name)
        self._preferences = PreferencePages(store, self._keys)
        self._new_id = line_ids()
        self._now = microsecond_clock(store.clock)
        self._script = tracker_script()
        self._frequent = lru_cache(maxsize=1024)(_with_origin)
        self._commit: GroupCommit | None = None
        self._readers: StateThreads | None = None
        self._writers: StateThreads | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._fixed: dict[bytes, Callable[[Request], None]] = {
            b"/matomo.php": partial(self._track, "matomo"),
            b"/piwik.php": partial(self._track, "matomo"),
            b"/tracking.php": partial(self._track, "oro"),
            b"/matomo.js": self._tracker,
            b"/piwik.js": self._tracker,
            b"/healthz": self._health,
            b"/robots.txt": self._robots,
        }
        self._tokens: dict[bytes, tuple[Purpose, bytes, Callable[[Request, Token], None]]] = {
            b"/c/": ("c", b"", self._click),
            b"/o/": ("o", b".gif", self._open),
            b"/u/": ("u", b"", self._unsubscribe),
            b"/p/": ("p", b"", self._prefer),
        }

    # --- life ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the threads, in the running event loop; repeated calls do nothing."""
        if self._commit is None:
            loop = asyncio.get_running_loop()
            self._commit = GroupCommit(self._store.spool, loop)
            self._readers, self._writers = StateThreads(loop, _READERS), StateThreads(loop, _WRITERS)

    async def close(self) -> None:
        """Put what is waiting on disk and end the threads."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_STATE_SECONDS + 1)
        if self._commit is not None:
            await self._commit.close()
        for threads in (self._readers, self._writers):
            if threads is not None:
                threads.close()
        self._commit = self._readers = self._writers = None

    # --- routes ----------------------------------------------------------------------------------------

    def handle(self, request: Request) -> None:
        """Answer a request, now or when its hit is on disk. Never raises."""
        try:
            act = self._fixed.get(request.path)
            if act is not None:
                act(request)
            else:
                self._other(request)
        except Exception:  # a mistake of ours costs this request an answer of 500, never the collector
            _log.exception("A request could not be answered.", endpoint=request.path[:3])
            request.answer(answers.FAILED)

    def _other(self, request: Request) -> None:
        path = plain_path(request.path)
        known = self._tokens.get(path[:3])
        if known is None:
            request.answer(answers.NOT_FOUND)
            return
        purpose, ending, act = known
        posts = purpose in ("u", "p")
        if request.method not in ("GET", "HEAD") and not (posts and request.method == "POST"):
            request.answer(answers.refused_method("GET, HEAD, POST" if posts else _READS))
            return
        text = path[3 : len(path) - len(ending)].decode("latin-1") if path.endswith(ending) else ""
        token = self._keys.verify(text, purpose)
        if token is not None:
            act(request, token)
        elif text and self._keys.may_be_new(text):
            self._spawn(request, self._with_new_keys(request, text, purpose, act))
        else:
            request.answer(self._pages.not_found)

    async def _with_new_keys(
        self, request: Request, text: str, purpose: Purpose, act: Callable[[Request, Token], None]
    ) -> None:
        """Read the keys again: the first sending after our start made one, or somebody rotated them."""
        came = time.monotonic()
        try:
            if len(self._tasks) > _MOST_WAITING:
                raise Overloaded
            await asyncio.sleep(self._keys.pause)
            await self._read(partial(self._keys.load, came))
        except _STATE_AWAY:
            request.answer(self._pages.away)
            return
        token = self._keys.verify(text, purpose)
        if token is None:
            request.answer(self._pages.not_found)
        else:
            act(request, token)

    def _open(self, request: Request, token: Token) -> None:
        self._keep(request, "o", answers.GIF, token)

    def _click(self, request: Request, token: Token) -> None:
        location = self._links.known(token)
        if location is not None:
            self._keep(request, "c", answers.redirect(location), token)
        else:
            self._spawn(request, self._click_unknown(request, token))

    async def _click_unknown(self, request: Request, token: Token) -> None:
        """Look the target up; the click is kept whatever comes of it, for it happened."""
        try:
            location = await self._read(partial(self._links.find, token))
        except _STATE_AWAY as error:
            _log.warning("A click's target could not be read from the state.", reason=_reason(error))
            self._keep(request, "c", self._pages.away, token)
        else:
            answer = self._pages.not_found if location is None else answers.redirect(location)
            self._keep(request, "c", answer, token)

    def _unsubscribe(self, request: Request, token: Token) -> None:
        if request.method == "POST":
            self._spawn(request, self._unsubscribe_now(request, token))
        else:
            self._keep(request, "u", self._pages.ask(self._keys.preferences(token)), token)

    async def _unsubscribe_now(self, request: Request, token: Token) -> None:
        source: Literal["one-click", "unsubscribe page"] = (
            "one-click" if _ONE_CLICK.search(request.body) else "unsubscribe page"
        )
        hit = self._line(request, "u", token)
        control = ControlLine(self._new_id(), hit.at, "unsubscribe", token.delivery_id, source, hit.ip, hit.ua)
        wish = Unsubscribe(token.delivery_id, source, moment(hit.at), client_address=hit.ip, user_agent=hit.ua)
        await self._keep_wish(request, hit, control, partial(self._write_to_state, wish), self._pages.gone)

    async def _keep_wish(
        self,
        request: Request,
        hit: HitLine,
        control: ControlLine | PreferencesLine,
        write: Callable[[], None],
        done: Answer,
    ) -> None:
        """Keep a wish in the spool and in the state; either alone will do, for senders read both."""
        assert self._commit is not None
        kept: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._commit.add_control(hit, control, kept.set_result)
        in_state = False
        try:
            assert self._writers is not None
            await self._writers.call(write, _STATE_SECONDS)
            in_state = True
        except _STATE_AWAY as error:
            _log.warning("A wish waits in the spool, for the state does not take it.", reason=_reason(error))
        in_spool = await kept
        request.answer(done if in_spool or in_state else self._pages.not_kept)

    def _write_to_state(self, wish: Unsubscribe) -> None:
        with self._store.state.write() as connection:
            unsubscribe_all(connection, [wish])

    def _prefer(self, request: Request, token: Token) -> None:
        save = request.method == "POST"
        self._spawn(request, self._save_preferences(request, token) if save else self._preference_page(request, token))

    async def _preference_page(self, request: Request, token: Token) -> None:
        try:
            answer = await self._read(partial(self._preferences.read, token))
        except _STATE_AWAY as error:
            _log.warning("A preference page could not be read from the state.", reason=_reason(error))
            answer = self._pages.away
        self._keep(request, "p", answer or self._pages.not_found, token)

    async def _save_preferences(self, request: Request, token: Token) -> None:
        hit = self._line(request, "p", token)
        hit.b = hit.b64 = None  # the control line has all of it
        control = self._preferences.line(request, token, hit, self._new_id())
        if control is None:
            request.answer(self._preferences.unread)
        else:
            write = partial(self._preferences.write, self._preferences.wish(control))
            await self._keep_wish(request, hit, control, write, self._preferences.saved(control))

    def _track(self, endpoint: Endpoint, request: Request) -> None:
        method, answer = request.method, answers.GIF
        origin = request.headers.get(b"origin")
        if method == "POST":
            answer = self._posted(request)
        elif method == "OPTIONS":
            answer = _preflight(request)
        elif method not in ("GET", "HEAD"):
            answer = answers.refused_method(_TRACKS)
        elif not request.query:
            answer = answers.NO_PARAMETERS
        elif _wants_no_image(request.query):
            answer = answers.NO_CONTENT
        is_hit = answer.status < 400 and method != "OPTIONS" and answer is not answers.EMPTY_BULK
        if origin is not None:
            answer = self._for_origin(answer, origin)
        if is_hit:
            self._keep(request, endpoint, answer)
        else:
            request.answer(answer)

    def _for_origin(self, answer: Answer, origin: bytes) -> Answer:
        """Return the answer for a script of another site; the two frequent ones are remembered per site."""
        if not _ORIGIN.fullmatch(origin):
            return answer
        known = answer is answers.GIF or answer is answers.NO_CONTENT
        return self._frequent(answer, origin) if known else _with_origin(answer, origin)

    def _posted(self, request: Request) -> Answer:
        """Return the answer to a POST: by its body, for clients send JSON under either content type."""
        body = request.body.lstrip(b"\xef\xbb\xbf \t\r\n")
        if body[:1] == b"{":
            try:
                hits = msgspec.json.decode(body, type=_Bulk).requests
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return answers.BAD_BULK
            invalid = [place for place, hit in enumerate(hits) if bytes(hit)[:1] not in (b'"', b"{")]
            if not hits:
                return answers.EMPTY_BULK
            return answers.bulk(len(hits), invalid) if len(invalid) < len(hits) else answers.BAD_BULK
        if not body and not request.query:
            return answers.NO_PARAMETERS
        no_image = _wants_no_image(request.query) or _wants_no_image(body)
        return answers.NO_CONTENT if no_image else answers.GIF

    def _tracker(self, request: Request) -> None:
        request.answer(self._script.answer(request))

    def _robots(self, request: Request) -> None:
        reads = request.method in ("GET", "HEAD")
        request.answer(answers.ROBOTS if reads else answers.refused_method(_READS))

    def _health(self, request: Request) -> None:
        if request.method not in ("GET", "HEAD"):
            request.answer(answers.refused_method(_READS))
            return
        self.start()
        assert self._commit is not None
        if self._commit.trouble is None:
            request.answer(answers.HEALTHY)
        else:
            self._spawn(request, self._health_after_trouble(request, self._commit))

    async def _health_after_trouble(self, request: Request, commit: GroupCommit) -> None:
        """Try the folder: a balancer that took us out sends no hits that would show that the disk has room again."""
        request.answer(answers.HEALTHY if await commit.probe() else answers.SICK)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve as an ASGI 3 application, lifespan included."""
        if scope["type"] == "lifespan":
            await lifespan(self, receive, send)
        elif scope["type"] == "http":
            await serve_request(self, scope, receive, send)
        else:  # a websocket: closing before accepting refuses it (ASGI specification, websocket.close)
            await send({"type": "websocket.close", "code": 1000})

    # --- parts -----------------------------------------------------------------------------------------

    def _line(self, request: Request, endpoint: Endpoint, token: Token | None) -> HitLine:
        ip = self._client(request.peer, request.headers.get(b"x-forwarded-for"))
        delivery, number = (token.delivery_id, token.link_number or None) if token else (None, None)
        return hit_line(request, endpoint, self._new_id(), self._now(), ip, delivery, number)

    def _keep(self, request: Request, endpoint: Endpoint, answer: Answer, token: Token | None = None) -> None:
        """Answer once the request is on disk, or say that it could not be put there."""
        if self._commit is None:
            self.start()
        assert self._commit is not None
        self._commit.add(
            self._line(request, endpoint, token),
            lambda kept: request.answer(answer if kept else answers.CANNOT_WRITE),
        )

    async def _read(self, work: Callable[[], T]) -> T:
        assert self._readers is not None
        return await self._readers.call(work, _STATE_SECONDS)

    def _spawn(self, request: Request, work: Coroutine[Any, Any, None]) -> None:
        self.start()
        task = asyncio.get_running_loop().create_task(_finished(request, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _finished(request: Request, work: Coroutine[Any, Any, None]) -> None:
    """Await the work of a request; where it fails by a mistake of ours, the request is answered all the same."""
    try:
        await work
    except Exception:  # as in `handle`
        _log.exception("A request could not be answered.", endpoint=request.path[:3])
        request.answer(answers.FAILED)


def _wants_no_image(parameters: bytes) -> bool:
    """Return whether send_image=0 is among them; the plain search first, for it costs 0.05 us and the other 3."""
    return b"send_image=0" in parameters and _NO_IMAGE.search(parameters) is not None


def _with_origin(answer: Answer, origin: bytes) -> Answer:
    """Return the answer with its headers for another site: any may send hits, and finds nothing secret to read."""
    return answer.with_headers(
        (b"access-control-allow-origin", origin), (b"access-control-allow-credentials", b"true"), (b"vary", b"Origin")
    )


def _preflight(request: Request) -> Answer:
    """Return the answer to a preflight (Fetch standard, CORS-preflight request)."""
    wanted = request.headers.get(b"access-control-request-headers", b"")
    return answers.NO_CONTENT.with_headers(
        (b"access-control-allow-methods", _TRACKS.encode()),
        (b"access-control-allow-headers", wanted if _HEADER_NAMES.fullmatch(wanted) else b"Content-Type"),
        (b"access-control-max-age", b"86400"),
        (b"allow", _TRACKS.encode()),
    )


def _reason(error: BaseException) -> str:
    """Return why the state did not answer, as a sentence for the log."""
    if isinstance(error, TimeoutError):
        return f"It did not answer within {_STATE_SECONDS:g} seconds."
    if isinstance(error, Overloaded):
        return "Too many questions wait for it."
    return str(error)
