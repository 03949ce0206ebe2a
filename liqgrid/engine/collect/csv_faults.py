"""Where a CSV text is wrong: the errors that name file, line and column, and the value as it is written there.

The fast reader says neither line nor column. So a text is read a second time, slowly, once it is known to be wrong.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import numpy as np

from liqgrid.engine.collect.csv_text import CsvText
from liqgrid.engine.market.arrays import Bool
from liqgrid.engine.market.errors import BadData

# What the fast reader reads: Python alone would also take 1_000, digits of other scripts and weeks of a year.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*(e[+-]?\d+)?|\.\d+(e[+-]?\d+)?|nan|inf|infinity)", re.ASCII | re.IGNORECASE)
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d(:\d\d(:\d\d(\.\d{1,3})?)?)?(Z|[+-]\d\d(:?\d\d)?)",
    re.ASCII,
)

# Rows (N,) that are wrong, the column they are wrong in, and what is wrong: "must be greater than 0".
Fault = tuple[Bool, str, str]


@dataclass(frozen=True, slots=True)
class Form:
    """What the cells of a column must look like: a test, and its name for people, "a number"."""

    fits: Callable[[str], bool]
    name: str


NUMBER = Form(lambda value: _NUMBER.fullmatch(value.strip(" \t")) is not None, "a number")
UTC_TIME = Form(
    lambda value: _TIME.fullmatch(value) is not None and _is_date(value), "a UTC time such as 2024-06-19T21:00:00Z"
)


def raise_earliest(text: CsvText, columns: Sequence[str], rows_before: int, faults: Iterable[Fault]) -> None:
    """Raise the fault of the earliest bad row of a block, if there is one; ``columns`` are all of the text's."""
    found = [(int(np.argmax(rows)), column, fault) for rows, column, fault in faults if rows.any()]
    if found:
        row, column, fault = min(found, key=lambda one: one[0])
        raise wrong_cell(text, columns, rows_before + row, column, fault)


def read_header(text: CsvText, required: Sequence[str], optional: Sequence[str]) -> list[str]:
    """Return the column names of the first line.

    Raises
    ------
    BadData
        If there is none, or a column is missing, unknown or repeated.
    """
    header = next(lines_of(text), (0, None))[1]
    if header is None:
        raise BadData(f"{text}: is empty; the first line must name the columns", **text.context)
    if any(not name.isascii() and "\udc80" <= max(name) <= "\udcff" for name in header):
        raise BadData(f"{text}, line 1: is not UTF-8 text", **text.context, line=1)
    known = (*required, *optional)
    missing = [name for name in required if name not in header]
    unknown = [name for name in header if name not in known]
    repeated = [name for name in dict.fromkeys(header) if header.count(name) > 1]
    for fault, names in (("lacks", missing), ("has unknown", unknown), ("repeats", repeated)):
        if names:
            raise BadData(
                f"{text}, line 1: the header {fault} column {', '.join(names)}; columns are {', '.join(known)}",
                **text.context, line=1, column=names[0],
            )  # fmt: skip
    return header


def no_rows(text: CsvText) -> BadData:
    """Return the error of a file that ends after its header."""
    return BadData(f"{text}: holds a header and no rows", **text.context)


def wrong_cell(text: CsvText, columns: Sequence[str], row: int, column: str, fault: str) -> BadData:
    """Return the error of a cell that was read and is wrong, in a data row counted from 0."""
    line, values = next(islice(_data_lines(text), row, None))
    return _cell(text, line, column, values[columns.index(column)], fault)


def unreadable_cell(
    text: CsvText, columns: Sequence[str], forms: Mapping[str, Form], from_row: int, reason: str
) -> BadData:
    """Return the error of the first cell from a data row on that the fast reader could not read.

    Parameters
    ----------
    columns
        All columns of the text.
    forms
        What the cells of those that are read must look like, where they are not empty.
    from_row
        Rows before it were read, counted from 0.
    reason
        What the fast reader said, for a fault that is not found here.
    """
    rows = 0
    for line, values in _data_lines(text):
        rows += 1
        if rows <= from_row:
            continue
        if len(values) != len(columns):
            wanted = f"the header has {len(columns)}" if text.has_header else f"the first line has {len(columns)}"
            return BadData(
                f"{text}, line {line}: has {len(values)} columns, {wanted}", **text.context, line=line
            )  # fmt: skip
        for column, value in zip(columns, values, strict=True):
            if value and column in forms and not forms[column].fits(value):
                return _cell(text, line, column, value, f"is not {forms[column].name}")
    return BadData(f"{text}: {reason}", **text.context) if rows else no_rows(text)


def lines_of(text: CsvText) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line that is not empty; the first as it is.

    Raises
    ------
    BadData
        If it cannot be read.
    """
    # what is not UTF-8 comes as lone surrogates, which no column name and no number holds
    with text.open() as (stream, _), io.TextIOWrapper(stream, "utf-8-sig", "surrogateescape", newline="") as file:
        reader = csv.reader(file)
        try:
            for values in reader:
                if values or reader.line_num == 1:
                    yield reader.line_num, values
        except csv.Error as error:
            line = reader.line_num
            raise BadData(f"{text}, line {line}: {error}", **text.context, line=line) from error


def _data_lines(text: CsvText) -> Iterator[tuple[int, list[str]]]:
    return islice(lines_of(text), int(text.has_header), None)


def _is_date(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _cell(text: CsvText, line: int, column: str, value: str, fault: str) -> BadData:
    shown = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")[:60]
    return BadData(
        f"{text}, line {line}, column {column}: was {shown!r}, which {fault}",
        **text.context, line=line, column=column, value=shown,
    )  # fmt: skip
