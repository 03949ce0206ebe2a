"""The schema, its limits, and its text."""

from __future__ import annotations

from functools import cache

import strawberry
from graphql import GraphQLError
from strawberry.extensions import MaxAliasesLimiter, MaxTokensLimiter, QueryDepthLimiter
from strawberry.schema.config import StrawberryConfig

from liqgrid.api.graphql.query import Query
from liqgrid.api.graphql.scalars import SCALARS

MAX_DEPTH = 12
MAX_ALIASES = 15
MAX_TOKENS = 2000


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
        ],
    )


def sdl() -> str:
    """Return the schema as text, as docs/schema.graphql holds it."""
    return schema().as_str() + "\n"
