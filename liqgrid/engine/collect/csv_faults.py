"""Where a CSV file is wrong: the errors that name file, line and column, and the value as it is written there.

The fast reader says neither line nor column. So a file is read a second time, slowly, once it is known to be wrong.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

from liqgrid.engine.market.errors import BadData

# What the fast reader reads: Python alone would also take 1_000, digits of other scripts and weeks of a year.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*(e[+-]?\d+)?|\.\d+(e[+-]?\d+)?|nan|inf|infinity)", re.ASCII | re.IGNORECASE)
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d(:\d\d(:\d\d(\.\d{1,3})?)?)?(Z|[+-]\d\d(:?\d\d)?)",
    re.ASCII,
)


def read_header(path: Path, required: Sequence[str], optional: Sequence[str]) -> list[str]:
    """Return the column names of the first line.

    Raises
    ------
    BadData
        If there is none, or a column is missing, unknown or repeated.
    """
    header = next(_lines(path), (0, None))[1]
    if header is None:
        raise BadData(f"{path}: is empty; the first line must name the columns", file=str(path))
    if any(not name.isascii() and "\udc80" <= max(name) <= "\udcff" for name in header):
        raise BadData(f"{path}, line 1: is not UTF-8 text", file=str(path), line=1)
    known = (*required, *optional)
    missing = [name for name in required if name not in header]
    unknown = [name for name in header if name not in known]
    repeated = [name for name in dict.fromkeys(header) if header.count(name) > 1]
    for fault, names in (("lacks", missing), ("has unknown", unknown), ("repeats", repeated)):
        if names:
            raise BadData(
                f"{path}, line 1: the header {fault} column {', '.join(names)}; columns are {', '.join(known)}",
                file=str(path), line=1, column=names[0],
            )  # fmt: skip
    return header


def no_rows(path: Path) -> BadData:
    """Return the error of a file that ends after its header."""
    return BadData(f"{path}: holds a header and no rows", file=str(path))


def wrong_cell(path: Path, row: int, column: str, text: str) -> BadData:
    """Return the error of a cell that was read and is wrong, in a data row counted from 0."""
    lines = _lines(path)
    _, header = next(lines)
    line, values = next(islice(lines, row, None))
    return _cell(path, line, column, values[header.index(column)], text)


def unreadable_cell(path: Path, columns: Sequence[str], time: str, from_row: int, reason: str) -> BadData:
    """Return the error of the first cell from a data row on that the fast reader could not read.

    Parameters
    ----------
    columns
        The header.
    time
        The column that holds times; the others hold numbers.
    from_row
        Rows before it were read, counted from 0.
    reason
        What the fast reader said, for a fault that is not found here.
    """
    rows = 0
    for line, values in islice(_lines(path), 1, None):
        rows += 1
        if rows <= from_row:
            continue
        if len(values) != len(columns):
            return BadData(
                f"{path}, line {line}: has {len(values)} columns, the header has {len(columns)}",
                file=str(path), line=line,
            )  # fmt: skip
        for column, value in zip(columns, values, strict=True):
            if value and not (_is_time(value) if column == time else _NUMBER.fullmatch(value.strip(" \t"))):
                wanted = "a UTC time such as 2024-06-19T21:00:00Z" if column == time else "a number"
                return _cell(path, line, column, value, f"is not {wanted}")
    return BadData(f"{path}: {reason}", file=str(path)) if rows else no_rows(path)


def _is_time(value: str) -> bool:
    if not _TIME.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line that is not empty; the header as it is."""
    # what is not UTF-8 comes as lone surrogates, which no column name and no number holds
    try:
        file = path.open(encoding="utf-8-sig", newline="", errors="surrogateescape")
    except OSError as error:
        raise BadData(f"{path}: cannot be read: {error.strerror}", file=str(path)) from error
    with file:
        reader = csv.reader(file)
        try:
            for values in reader:
                if values or reader.line_num == 1:
                    yield reader.line_num, values
        except csv.Error as error:
            line = reader.line_num
            raise BadData(f"{path}, line {line}: {error}", file=str(path), line=line) from error


def _cell(path: Path, line: int, column: str, value: str, text: str) -> BadData:
    shown = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")[:60]
    return BadData(
        f"{path}, line {line}, column {column}: was {shown!r}, which {text}",
        file=str(path), line=line, column=column, value=shown,
    )  # fmt: skip
