"""The schema, its limits, and its text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from functools import cache
from typing import Any

import strawberry
from cachetools import LRUCache
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    SelectionSetNode,
    Visitor,
    visit,
)
from strawberry.extensions import MaxAliasesLimiter, MaxTokensLimiter, QueryDepthLimiter, SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StreamResult
from strawberry.types import ExecutionResult

from liqgrid.api.cost import price_of_query
from liqgrid.api.graphql.context import Context
from liqgrid.api.graphql.failures import coded
from liqgrid.api.graphql.live import Subscription
from liqgrid.api.graphql.query import Query
from liqgrid.api.graphql.scalars import SCALARS
from liqgrid.api.grids import Budget
from liqgrid.engine.market.errors import Unauthorised

MAX_DEPTH = 12
MAX_ALIASES = 15
MAX_TOKENS = 2000


def _length_of(document: DocumentNode) -> int:
    return 1 if document.loc is None else len(document.loc.source.body)


# Documents of valid texts, the least recently used going first. One takes up to a few hundred bytes a character.
_TEXTS_CHARACTERS = 128 * 1024
_TEXT_CHARACTERS = 16 * 1024
_valid: LRUCache[str | None, DocumentNode] = LRUCache(_TEXTS_CHARACTERS, _length_of)


class CostLimit(SchemaExtension):
    """Charges a valid query to whoever sent it, before it is executed."""

    def on_execute(self) -> Iterator[None]:
        """Charge the query."""
        running = self.execution_context
        assert running.graphql_document is not None  # noqa: S101 - it is executed, so it was parsed
        plain = schema()._schema  # noqa: SLF001 - strawberry has no public name for graphql-core's schema
        price = price_of_query(plain, running.graphql_document, running.operation_name, running.variables)
        running.context.visit.price = price
        running.context.visit.charge(price.points())
        yield


class KnownDocuments(SchemaExtension):
    """Parses and validates a text once: the same text again is as valid as it was.

    Before validation it refuses what the parser lets through and the limiters do not expect: a selection of nothing,
    or of nowhere.
    """

    def on_parse(self) -> Iterator[None]:
        """Take the document of a text that is known."""
        known = _valid.get(self.execution_context.query)
        if known is not None:
            self.execution_context.graphql_document = known
        yield

    def on_validate(self) -> Iterator[None]:
        """Look at every selection before the limiters do; keep a document that is found valid."""
        running = self.execution_context
        document, text = running.graphql_document, running.query
        assert document is not None  # noqa: S101 - it is validated, so it was parsed
        if _valid.get(text) is document:
            running.pre_execution_errors = []
            yield
            return
        fragments = {one.name.value for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
        visit(document, _Selections(fragments))
        yield
        if text is not None and not running.pre_execution_errors and len(text) <= _TEXT_CHARACTERS:
            _valid[text] = document


class _Selections(Visitor):
    def __init__(self, fragments: set[str]) -> None:
        super().__init__()
        self._fragments = fragments

    def enter_selection_set(self, node: SelectionSetNode, *_: Any) -> None:
        if not node.selections:
            raise GraphQLError("a selection is empty; name at least one field in its braces", [node])

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        if node.name.value not in self._fragments:
            raise GraphQLError(f"fragment {node.name.value!r} is not in the document", [node])


class Schema(strawberry.Schema):
    """The schema; errors are rendered and logged by us, so strawberry need not print them as well."""

    def process_errors(self, errors: list[GraphQLError], execution_context: object = None) -> None:
        """Leave errors to the view, and to ``stream``."""

    async def stream(self, *arguments: Any, **options: Any) -> StreamResult:
        """Run one operation of a WebSocket: with a budget of its own, its errors with codes, marked if simulated."""
        context: Context = options["context_value"]
        options["context_value"] = replace(context, budget=Budget())
        return _as_over_http(await super().stream(*arguments, **options), context)


async def _as_over_http(results: StreamResult, context: Context) -> StreamResult:
    """Yield results as they are over HTTP, until the key that opened the connection is taken back."""
    async with aclosing(results):
        async for result in results:
            try:
                await context.check_key()
            except Unauthorised as error:
                refused = GraphQLError(error.message, original_error=error)
                yield ExecutionResult(data=None, errors=[coded(refused, context.request_id)])
                return
            if isinstance(result, ExecutionResult):
                if result.errors:
                    result.errors = [coded(error, context.request_id) for error in result.errors]
                if result.data is not None and await context.pool.simulated():
                    result.extensions = {**(result.extensions or {}), "simulated": True}
            yield result


@cache
def schema() -> Schema:
    """Return the schema."""
    return Schema(
        query=Query,
        subscription=Subscription,
        config=StrawberryConfig(scalar_map=SCALARS),
        extensions=[
            KnownDocuments,
            lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
            lambda: MaxAliasesLimiter(max_alias_count=MAX_ALIASES),
            lambda: QueryDepthLimiter(max_depth=MAX_DEPTH),
            CostLimit,
        ],
    )


def sdl() -> str:
    """Return the schema as text, as docs/schema.graphql holds it."""
    return schema().as_str() + "\n"
