"""The columns of an archive's CSV: with or without a header, in a zip or not, times in milli- or microseconds."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from liqgrid.engine.collect.csv_faults import (
    NUMBER,
    Fault,
    Form,
    lines_of,
    no_rows,
    raise_earliest,
    unreadable_cell,
    wrong_cell,
)
from liqgrid.engine.collect.csv_text import CsvText
from liqgrid.engine.market.arrays import F64, I64
from liqgrid.engine.market.errors import BadData

_BLOCK_BYTES = 8 << 20
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)
_PLAIN_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,3})?", re.ASCII)
# A time is in milliseconds, as in all archives of futures, or in microseconds, as in those of spot since 2025. What is
# in neither range, from 2009 to 2100, is no time.
_FIRST_MS, _END_MS = 1_230_768_000_000, 4_102_444_800_000
_US_PER_MS = 1000


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is read: how the fast reader takes it and what its cells must look like."""

    type: pa.DataType
    form: Form


FLOAT = Column(pa.float64(), NUMBER)
WHOLE = Column(pa.int64(), Form(lambda value: _WHOLE.fullmatch(value) is not None, "a whole number"))
UTC = Column(
    pa.timestamp("ms"),
    Form(lambda value: _PLAIN_TIME.fullmatch(value) is not None, "a time such as 2024-05-01 00:05:00"),
)
TRUTH = Column(pa.bool_(), Form(lambda value: value.lower() in {"true", "false"}, "true or false"))
TEXT = Column(pa.string(), Form(lambda _: True, "text"))


@dataclass(frozen=True, slots=True)
class Layout:
    """All columns of a kind of archive in their order, and those of them that are read.

    ``key`` is the column rows are sorted by, and unique in.
    """

    columns: tuple[str, ...]
    read: dict[str, Column]
    key: str


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a text: the columns read, (N,) each, floats NaN where the cell is empty."""

    text: CsvText
    layout: Layout
    rows_before: int
    batch: pa.RecordBatch

    def __len__(self) -> int:
        return self.batch.num_rows

    def floats(self, name: str) -> F64:
        """Return a column of numbers."""
        values: F64 = self.batch.column(name).to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
        return values

    def whole(self, name: str) -> I64:
        """Return a column of whole numbers, times or truths; what is empty is refused."""
        column = self.batch.column(name)
        if column.null_count:
            self.refuse([(column.is_null().to_numpy(zero_copy_only=False), name, "is empty")])
        values: I64 = column.cast(pa.int64()).to_numpy()
        return values

    def texts(self, name: str) -> list[str]:
        """Return the different values of a column of text."""
        return [value or "" for value in self.batch.column(name).unique().to_pylist()]

    def times_ms(self, name: str) -> I64:
        """Return a column of epoch times in milliseconds, whichever of the two units they are written in."""
        written = self.whole(name)
        in_us = written >= _END_MS
        times_ms = np.where(in_us, written // _US_PER_MS, written)
        nonsense = (times_ms < _FIRST_MS) | (times_ms >= _END_MS)
        self.refuse([(nonsense, name, "is no time in milliseconds or microseconds between 2009 and 2100")])
        return times_ms

    def refuse(self, faults: Sequence[Fault]) -> None:
        """Raise the fault of the earliest bad row, if there is one."""
        raise_earliest(self.text, self.layout.columns, self.rows_before, faults)

    def order(self) -> I64:
        """Return the positions of the rows by key, repeated rows once.

        Raises
        ------
        BadData
            If a row has the key of another and says something else.
        """
        key = self.batch.column(self.layout.key).cast(pa.int64()).to_numpy()
        if (np.diff(key) > 0).all():
            return np.arange(len(key))
        order = np.argsort(key, kind="stable")
        repeats = np.flatnonzero(np.diff(key[order]) == 0) + 1  # positions in order whose row repeats the one before
        again, before = order[repeats], order[repeats - 1]
        for name in self.layout.read:
            differs = self._cells(name, again) != self._cells(name, before)
            if differs.any():
                raise wrong_cell(
                    self.text, self.layout.columns, self.rows_before + int(again[differs][0]), name,
                    f"is not what another row of the same {self.layout.key} says",
                )  # fmt: skip
        return np.delete(order, repeats)

    def _cells(self, name: str, rows: I64) -> NDArray[Any]:
        taken = self.batch.column(name).take(pa.array(rows.tolist(), pa.int64()))
        return np.array(taken.to_pylist(), dtype=object)


def open_text(path: Path, layout: Layout) -> CsvText:
    """Return the text of an archive; its only CSV, where it is a zip.

    Raises
    ------
    BadData
        If it cannot be read, or its columns are not those of the layout.
    """
    text = CsvText(path)
    if path.suffix.lower() == ".zip":
        text = replace(text, member=_only_member(path))
    line, first = next(lines_of(text), (1, []))
    if not first:
        raise BadData(f"{text}: is empty", **text.context)
    if len(first) != len(layout.columns):
        wanted = ", ".join(layout.columns)
        raise BadData(
            f"{text}, line {line}: has {len(first)} columns, expected {len(layout.columns)}: {wanted}",
            **text.context, line=line,
        )  # fmt: skip
    key_at = layout.columns.index(layout.key)
    if layout.read[layout.key].form.fits(first[key_at]):
        return replace(text, has_header=False)
    for at, name in enumerate(layout.columns):
        if name in layout.read and first[at].strip().lower() != name:
            raise BadData(
                f"{text}, line {line}: column {at + 1} was {first[at][:60]!r}, expected {name}",
                **text.context, line=line, column=name, value=first[at][:60],
            )  # fmt: skip
    return text


def read_blocks(
    text: CsvText,
    layout: Layout,
    on_read: Callable[[int], None] = lambda _: None,
    block_bytes: int = _BLOCK_BYTES,
) -> Iterator[Block]:
    """Yield a text's rows in blocks as they are written; ``on_read`` is told how many bytes of the file were read.

    Raises
    ------
    BadData
        Naming file, member, line, column and value.
    """
    rows = 0
    try:
        with text.open() as (stream, position):
            reader = arrow_csv.open_csv(
                stream,
                read_options=arrow_csv.ReadOptions(
                    block_size=block_bytes, column_names=list(layout.columns), skip_rows=int(text.has_header)
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types={name: column.type for name, column in layout.read.items()},
                    include_columns=list(layout.read),
                    null_values=[""],
                    true_values=["true", "True", "TRUE"],
                    false_values=["false", "False", "FALSE"],
                ),
            )
            for batch in reader:
                if batch.num_rows:
                    yield Block(text, layout, rows, batch)
                rows += batch.num_rows
                on_read(position())
    except pa.ArrowInvalid as error:
        forms = {name: column.form for name, column in layout.read.items()}
        raise unreadable_cell(text, layout.columns, forms, rows, str(error)) from error
    if not rows:
        raise no_rows(text)


def read_all(text: CsvText, layout: Layout, on_read: Callable[[int], None] = lambda _: None) -> Block:
    """Return all rows of a text as they are written; raises as ``read_blocks``."""
    table = pa.Table.from_batches([block.batch for block in read_blocks(text, layout, on_read)])
    (whole,) = table.combine_chunks().to_batches()
    return Block(text, layout, 0, whole)


def _only_member(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                name
                for name in archive.namelist()
                if name.lower().endswith(".csv") and not name.startswith("__MACOSX/")
            ]
    except (OSError, zipfile.BadZipFile) as error:
        raise BadData(f"{path}: cannot be read as a zip: {error}; fetch it again", file=str(path)) from error
    if len(members) != 1:
        raise BadData(f"{path}: holds {len(members)} CSV files, an archive has one", file=str(path))
    return members[0]
