"""One path of REST: what it takes, what forms it has, and what answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from liqgrid.api.graphql.context import Context
from liqgrid.api.rest.formats import Format
from liqgrid.api.rest.parameters import Parameter


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was understood; ``tag`` is the answer's, where it is known beforehand."""

    context: Context
    values: Mapping[str, Any]
    form: Format
    tag: str | None = None

    @property
    def included(self) -> frozenset[str]:
        """The groups of fields that are in the answer only where it is asked to include them (``DEEP_FIELDS``)."""
        return frozenset(self.values.get("include") or ())


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes of an answer, whole or as they come; ``next`` is the cursor of what follows."""

    body: bytes | Iterator[bytes] | AsyncIterator[bytes]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path and what it answers; the OpenAPI document is made of these as well.

    ``question`` is GraphQL's name of what it asks, by which it is charged.

    ``of_build``: the answer is made of columns, so its tag is known before it is. ``streams``: a history of any length.
    """

    path: str
    question: str
    summary: str
    parameters: tuple[Parameter, ...]
    forms: tuple[Format, ...]
    answer: Callable[[Asked], Awaitable[Answer]]
    json_schema: Callable[[], dict[str, Any]] | None = None
    of_build: bool = False
    streams: bool = False
