"""The process a person's SQL runs in: it is given views over the snapshot's files, a memory limit, and nothing else.

A process of its own, because some functions of DuckDB (a huge `repeat`, a `levenshtein` of two books) neither look for
an interrupt nor count their memory: the parent can end this one without asking, and its address space is bounded by the
system. It is started by path, imports nothing of the project, and has no environment.

One request a line of JSON on standard input: `open` (views, files, limits) or `ask` (a query). An answer to `ask` is a
line of JSON, then an Arrow stream, then a line of JSON that says how it ended.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from pathlib import Path
from typing import IO, Any

import duckdb
import pyarrow as pa

try:
    import resource
except ImportError:  # a system without limits of processes: DuckDB's own and the parent's clock remain
    resource = None  # type: ignore[assignment]

_BATCH = 50_000
_MOST_BYTES = 512 << 20  # of an answer, which the parent has to hold
_CPU_GRACE = 5  # seconds of processor time beyond what the limit could use; then the system ends the process
_KEY_TYPES = {"VARCHAR", "UUID", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT"}
_KEY_TYPES |= {"UINTEGER", "UBIGINT", "UHUGEINT"}

_KIND = re.compile(r"^[A-Z][A-Za-z ]* Error: ")

Message = dict[str, Any]


class Child:
    """Answers requests until its input ends."""

    def __init__(self, requests: IO[bytes], answers: IO[bytes]) -> None:
        self._requests, self._answers = requests, answers
        self._connection = duckdb.connect(":memory:")
        self._threads = 1

    def serve(self) -> None:
        """Read and answer requests, one after the other."""
        for line in self._requests:
            request = json.loads(line)
            if request["do"] == "open":
                self._say(self._opened(request))
            else:
                self._ask(request)

    def _opened(self, request: Message) -> Message:
        """Make the views, then close every way out and the settings themselves."""
        self._connection.close()
        self._connection = connection = duckdb.connect(":memory:")
        self._threads = request["threads"]
        try:
            for name, value in request["settings"].items():
                connection.execute(f"set global {name} = $1", [value])
            for statement in request["views"]:
                connection.execute(statement)
            connection.execute("set global allowed_paths = $1", [request["files"]])
            connection.execute("set global autoload_known_extensions = false")
            connection.execute("set global autoinstall_known_extensions = false")
            connection.execute("set global enable_external_access = false")
            connection.execute("set global lock_configuration = true")
        except duckdb.Error as error:
            return _failure(error)
        _bound_memory(request["bytes"])
        return {"ok": True}

    def _ask(self, request: Message) -> None:
        _bound_processor(request["seconds"] * self._threads + _CPU_GRACE)
        cursor = self._connection.cursor()
        timer = threading.Timer(request["seconds"], cursor.interrupt)
        timer.daemon = True
        timer.start()
        try:
            cursor.execute("set variable _moment = cast($1 as timestamptz)", [request["moment"]])
            if request["want"] == "plan":
                plan = cursor.execute(f"explain (format json) {request['sql']}").fetchall()[0][1]
                self._say({"ok": True, "plan": plan})
            else:
                self._stream(_relation(cursor, request), request["rows"])
        except duckdb.Error as error:
            failure = _failure(error)
            if failure["kind"] == "wrong":
                failure["position"] = _position(cursor, request["sql"])
            self._say(failure)
        except MemoryError:
            self._say({"ok": False, "kind": "memory", "message": ""})
        finally:
            timer.cancel()
            timer.join()
            cursor.close()

    def _stream(self, relation: duckdb.DuckDBPyRelation, rows: int) -> None:
        reader = relation.to_arrow_reader(min(rows + 1, _BATCH))
        taken = size = 0
        end: Message = {"ok": True, "is_cut": False}
        self._say({"ok": True})
        with pa.ipc.new_stream(self._answers, reader.schema) as stream:
            try:
                for batch in reader:
                    size += batch.nbytes
                    if size > _MOST_BYTES:
                        end = {"ok": False, "kind": "memory", "message": ""}
                        break
                    stream.write_batch(batch.slice(0, rows - taken))
                    taken += batch.num_rows
                    if taken > rows:
                        end["is_cut"] = True
                        break
            except duckdb.Error as error:
                end = _failure(error)
            except (pa.ArrowException, OSError) as error:
                end = {"ok": False, "kind": _kind_of(str(error)), "message": str(error)}
        self._say(end)

    def _say(self, message: Message) -> None:
        self._answers.write(json.dumps(message).encode() + b"\n")
        self._answers.flush()


def _relation(cursor: duckdb.DuckDBPyConnection, request: Message) -> duckdb.DuckDBPyRelation:
    """Return what is wanted of the query: all of it, its keys (the first column as text), or the rows of one key."""
    relation = cursor.sql(request["sql"])
    if request["want"] == "all":
        return relation
    kind = str(relation.types[0])
    if kind not in _KEY_TYPES:
        raise duckdb.InvalidInputException(f"The first column, {relation.columns[0]}, is {kind} and no key")
    if request["want"] == "keys":
        return relation.project("cast(#1 as varchar) as entity_key")
    if request["want"] == "distinct keys":
        return relation.project("cast(#1 as varchar) as entity_key").distinct()
    keyed = relation.project('cast(#1 as varchar) as "_key", *')
    return keyed.filter(duckdb.ColumnExpression("_key") == duckdb.ConstantExpression(request["key"]))


def _failure(error: duckdb.Error) -> Message:
    """Return an error as a message: its kind and DuckDB's sentence."""
    message = _told(error)["exception_message"]
    return {"ok": False, "kind": _kind_of(f"{type(error).__name__} {message}"), "message": message}


def _position(cursor: duckdb.DuckDBPyConnection, sql: str) -> int | None:
    """Return the byte at which planning fails: a relation's errors are about SQL that DuckDB wrote itself."""
    prefix = "explain "
    try:
        cursor.execute(prefix + sql)
    except duckdb.Error as error:
        place = _told(error).get("position")
        return None if place is None else max(0, int(place) - len(prefix))
    return None


def _told(error: duckdb.Error) -> dict[str, str]:
    text = str(error)
    try:
        read = json.loads(text[text.index("{") :])
    except ValueError:
        read = {}
    return read if "exception_message" in read else {"exception_message": _KIND.sub("", text).split("\n\nLINE ")[0]}


def _kind_of(told: str) -> str:
    """Return what kind of failure a name and sentence of DuckDB tell of; "gone": a file of the snapshot is away."""
    if "Interrupt" in told or "INTERRUPT" in told:
        return "time"
    if "OutOfMemory" in told or "Out of Memory" in told:
        return "memory"
    # A checked query names no file: one that may not be opened is a view's, looked for under other names.
    signs = ("No files found that match", "Cannot access file", "Cannot open file", "No such file")
    return "gone" if any(sign in told for sign in signs) else "wrong"


def _bound_memory(beyond: int) -> None:
    """Let the process grow by `beyond` bytes and no further."""
    if resource is None:
        return
    try:
        used = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    except OSError:
        return  # not Linux: its address space cannot be told, so it is not bounded
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_at_most(used + beyond, hard), hard))


def _bound_processor(seconds: float) -> None:
    """Let the system end this process once a query took more processor time than its limit allows, parent or not."""
    if resource is None:
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (_at_most(int(usage.ru_utime + usage.ru_stime + seconds) + 1, hard), hard))


def _at_most(value: int, hard: int) -> int:
    return value if resource is None or hard == resource.RLIM_INFINITY else min(value, hard)


def main() -> None:
    """Serve the process that started this one."""
    Child(sys.stdin.buffer, sys.stdout.buffer).serve()


if __name__ == "__main__":
    main()
