"""Answers as tables: columns of arrays, and data frames of pandas or polars where those are installed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from liqgrid_client.types import PageInfo


class Table(ABC):
    """An answer that is a table as well."""

    @abstractmethod
    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the table as arrays of one length by name."""

    def to_pandas(self) -> pd.DataFrame:
        """Return the table as a data frame of pandas (``pip install liqgrid-client[pandas]``)."""
        import pandas as pd  # noqa: PLC0415 - optional

        return pd.DataFrame({name: _writable(values) for name, values in self.columns().items()})

    def to_polars(self) -> pl.DataFrame:
        """Return the table as a data frame of polars (``pip install liqgrid-client[polars]``)."""
        import polars as pl  # noqa: PLC0415 - optional

        return pl.DataFrame(
            {
                name: pl.Series(name, values.tolist(), pl.String) if values.dtype == object else values
                for name, values in self.columns().items()
            },
            nan_to_null=True,
        )


class SeriesTable(Table):
    """A row for each time."""

    if TYPE_CHECKING:
        symbol: str
        times: NDArray[np.datetime64]
        page_info: PageInfo

    def __len__(self) -> int:
        return len(self.times)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return ``time`` and the values at each, as arrays of one length by name."""
        return {"time": self.times, **{name: values for name, values in arrays_of(self).items() if name != "times"}}


class CellTable(Table):
    """A row for each cell that is not empty."""

    if TYPE_CHECKING:
        price_edges: NDArray[np.float64]
        long: NDArray[np.float32]
        short: NDArray[np.float32]

    @property
    def prices(self) -> NDArray[np.float64]:
        """float64 [rows]: the middle of each price row, geometric."""
        return np.sqrt(self.price_edges[:-1] * self.price_edges[1:])

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return ``time price_low price_high long short`` of each cell that is not empty, ascending."""
        times = getattr(self, "times", None)
        if times is None:
            times = np.array([_naive(self.close_time)], "datetime64[ms]")  # type: ignore[attr-defined]
        long, short = np.atleast_2d(self.long), np.atleast_2d(self.short)
        time, row = np.nonzero((long != 0) | (short != 0))
        return {
            "time": times[time],
            "price_low": self.price_edges[row],
            "price_high": self.price_edges[row + 1],
            "long": long[time, row],
            "short": short[time, row],
        }


class RowTable(Table):
    """A row for each of the things an answer lists."""

    _rows: ClassVar[str]

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the listed things field by field; what they hold themselves is joined by ``_``, lists are left out."""
        rows = getattr(self, self._rows)
        if not isinstance(rows, tuple):
            return arrays_of(rows)
        kind = get_args(get_type_hints(type(self))[self._rows])[0]
        return dict(_columns(kind, rows, ""))


def arrays_of(answer: Any) -> dict[str, NDArray[Any]]:
    """Return the fields of a dataclass that are arrays."""
    values = {one.name: getattr(answer, one.name) for one in fields(answer)}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


def _columns(kind: type[Any], rows: Iterable[Any], prefix: str) -> Iterable[tuple[str, NDArray[Any]]]:
    hints = get_type_hints(kind)
    for one in fields(kind):
        values = [None if row is None else getattr(row, one.name) for row in rows]
        if one.default is None and all(value is None for value in values):
            continue  # was not asked for
        inner = next((hint for hint in (*get_args(hints[one.name]), hints[one.name]) if hint is not type(None)), None)
        if isinstance(inner, type) and is_dataclass(inner) and get_args(hints[one.name])[1:] != (Ellipsis,):
            yield from _columns(inner, values, f"{prefix}{one.name}_")
        elif inner is float:
            yield prefix + one.name, np.array([np.nan if value is None else value for value in values], float)
        elif inner is datetime:
            times = [None if value is None else _naive(value) for value in values]
            yield prefix + one.name, np.array(times, "datetime64[ms]")
        elif inner in (int, bool) and None not in values:
            yield prefix + one.name, np.array(values, inner)
        elif not any(isinstance(value, tuple) for value in values):
            yield prefix + one.name, np.array(values, object)


def _naive(time: datetime) -> datetime:
    """Return an aware time of UTC as numpy takes it."""
    return time.replace(tzinfo=None)


def _writable(values: NDArray[Any]) -> NDArray[Any]:
    return values if values.flags.writeable else values.copy()
