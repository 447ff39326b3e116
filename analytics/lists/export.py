"""Members as a file: CSV and XLSX that a spreadsheet opens without running what somebody put into a name, Parquet."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analytics.errors import ListError
from analytics.model.spreadsheet import guarded, guarded_column

Write = Callable[[pa.RecordBatch], None]


def write_members(path: Path, labels: Sequence[str], batches: Iterable[pa.RecordBatch], zone: str) -> Iterator[int]:
    """Write batches under `labels` to a .csv, .xlsx or .parquet file; yields how many rows are written after each.

    The file is complete or not there. CSV is UTF-8 (RFC 4180); moments in a workbook stand on the wall clocks of
    `zone`, elsewhere in UTC. Raises ListError for another ending, for what cannot be written, and for more rows than a
    worksheet has.
    """
    kind = path.suffix.lower()
    writers = {".csv": _csv, ".xlsx": _xlsx, ".parquet": _parquet}
    if kind not in writers:
        raise ListError(f"{path.name} does not say what to write; let its name end in {', '.join(writers)}.")
    count = 0
    with _whole(path) as draft, writers[kind](draft, labels, zone) as write:
        for batch in batches:
            write(batch)
            count += batch.num_rows
            yield count


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write rows as UTF-8 CSV (RFC 4180), in one step: the file is complete or not there. Returns how many."""
    count = 0
    with _whole(path) as draft, draft.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([guarded(name) for name in header])
        for row in rows:
            writer.writerow([guarded(value) for value in row])
            count += 1
    return count


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Yield where to write a file; it takes its place when the block ends well, else it goes."""
    draft = path.with_name(f".{path.name}.{os.getpid()}{path.suffix}")
    try:
        yield draft
        draft.replace(path)
    except OSError as error:
        raise ListError(f"{path} cannot be written: {error.strerror or error}.") from None
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _csv(path: Path, labels: Sequence[str], zone: str) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([guarded(name) for name in labels])

        def write(batch: pa.RecordBatch) -> None:
            writer.writerows(zip(*(_cells(column) for column in batch.columns), strict=True))

        yield write


def _cells(column: pa.Array) -> list[Any]:
    """Return the values of a column as a CSV file has them: guarded text, ISO times, yes and no."""
    if pa.types.is_list(column.type):
        column = pc.binary_join(column, "; ")
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return list(guarded_column(column).to_pylist())
    if pa.types.is_boolean(column.type):
        return list(pc.if_else(column, "yes", "no").to_pylist())
    if pa.types.is_temporal(column.type):
        return [None if value is None else value.isoformat() for value in column.to_pylist()]
    return list(column.to_pylist())


def _xlsx(path: Path, labels: Sequence[str], zone: str) -> AbstractContextManager[Write]:
    from analytics.lists.workbook import sheet  # the package takes a while to load, and few exports need it

    return sheet(path, labels, zone)


@contextmanager
def _parquet(path: Path, labels: Sequence[str], zone: str) -> Iterator[Write]:
    writer: pq.ParquetWriter | None = None
    try:

        def write(batch: pa.RecordBatch) -> None:
            nonlocal writer
            named = batch.rename_columns(list(labels))
            if writer is None:
                writer = pq.ParquetWriter(path, named.schema, compression="zstd")
            writer.write_batch(named)

        yield write
    finally:
        if writer is not None:
            writer.close()
