"""The schema, its limits, and its text."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import strawberry
from graphql import GraphQLError
from strawberry.extensions import MaxAliasesLimiter, MaxTokensLimiter, QueryDepthLimiter, SchemaExtension
from strawberry.schema.config import StrawberryConfig

from liqgrid.api.cost import cost_of_query
from liqgrid.api.graphql.query import Query
from liqgrid.api.graphql.scalars import SCALARS

MAX_DEPTH = 12
MAX_ALIASES = 15
MAX_TOKENS = 2000


class CostLimit(SchemaExtension):
    """Charges a valid query to whoever sent it, before it is executed."""

    def on_execute(self) -> Iterator[None]:
        """Charge the query."""
        running = self.execution_context
        assert running.graphql_document is not None  # noqa: S101 - it is executed, so it was parsed
        plain = schema()._schema  # noqa: SLF001 - strawberry has no public name for graphql-core's schema
        cost = cost_of_query(plain, running.graphql_document, running.operation_name, running.variables)
        running.context.visit.charge(cost)
        yield


class Schema(strawberry.Schema):
    """The schema; errors are rendered and logged by the view, so strawberry need not print them as well."""

    def process_errors(self, errors: list[GraphQLError], execution_context: object = None) -> None:
        """Leave errors to the view."""


@cache
def schema() -> Schema:
    """Return the schema."""
    return Schema(
        query=Query,
        config=StrawberryConfig(scalar_map=SCALARS),
        extensions=[
            lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
            lambda: MaxAliasesLimiter(max_alias_count=MAX_ALIASES),
            lambda: QueryDepthLimiter(max_depth=MAX_DEPTH),
            CostLimit,
        ],
    )


def sdl() -> str:
    """Return the schema as text, as docs/schema.graphql holds it."""
    return schema().as_str() + "\n"
