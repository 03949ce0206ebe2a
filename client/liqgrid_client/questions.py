"""What is asked, and what its answer becomes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from liqgrid_client import documents
from liqgrid_client.decode import decoded
from liqgrid_client.errors import bad_answer
from liqgrid_client.wire import variables

T = TypeVar("T")
Reader = Callable[[Any, bool], T]


@dataclass(frozen=True)
class Question(Generic[T]):
    """A GraphQL document its variables, and what reads the data of its answer."""

    document: str
    variables: Mapping[str, object]
    read: Reader[T]

    def body(self) -> bytes:
        """Return the request's body."""
        return json.dumps(self.payload()).encode()

    def payload(self) -> dict[str, object]:
        """Return the request as an object."""
        return {"query": self.document, "variables": dict(self.variables)}

    def answer(self, data: object, simulated: bool) -> T:
        """Return what the data of an answer become.

        Raises
        ------
        LiqgridError
            ``BAD_ANSWER`` if they do not fit.
        """
        if not isinstance(data, dict):
            raise bad_answer(f"the answer holds {data!r:.80} in place of data")
        return self.read(data, simulated)


def question(document: str, read: Reader[T], parts: tuple[str, ...] = (), /, **arguments: object) -> Question[T]:
    """Return a question; ``parts`` of ``documents.PARTS`` are asked for as well."""
    for part in parts:
        document = document.replace(f"# {part}\n", documents.PARTS[part])
    return Question(document, variables(arguments), lambda data, simulated: read(_only(data), simulated))


def whole(document: str, given: Mapping[str, object]) -> Question[dict[str, Any]]:
    """Return any question; its answer stays as it is."""
    return Question(document, given, lambda data, _: data)


def _only(data: dict[str, Any]) -> object:
    if len(data) != 1:
        raise bad_answer(f"the answer holds {len(data)} fields, not one")
    (value,) = data.values()
    return value


def on_request(*, composition: bool, lineage: bool) -> tuple[str, ...]:
    """Return the parts of clusters that were asked for."""
    return ("composition",) * composition + ("lineage",) * lineage


def one(kind: type[T]) -> Reader[T]:
    """Read an object."""
    return lambda value, simulated: decoded(kind, value, simulated)


def one_or_none(kind: type[T]) -> Reader[T | None]:
    """Read an object that may be null."""
    return lambda value, simulated: None if value is None else decoded(kind, value, simulated)


def several(kind: type[T]) -> Reader[tuple[T, ...]]:
    """Read a list of objects."""

    def read(value: Any, simulated: bool) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise bad_answer(f"the answer holds {value!r:.80} in place of a list")
        return tuple(decoded(kind, each, simulated) for each in value)

    return read
