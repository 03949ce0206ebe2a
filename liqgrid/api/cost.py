"""What a question may cost, told from the question alone: a point for every thousand numbers it may have to read.

An estimate from above: it takes what was asked for as stored. What is stored is counted exactly by ``grids.Budget``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    get_operation_ast,
)
from graphql.execution.values import get_argument_values, get_variable_values

from liqgrid.api.grids import DEFAULT_LAST, MAX_CELLS, MAX_COLUMNS
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.times import in_utc

MAX_COST = 10_000
EXPORT_COST = 1000  # a history of any length, read a little at a time
_NUMBERS_A_POINT = 1000
_COLUMN_NUMBERS = 5000  # one column, both sides, all its bins
_PAIR_NUMBERS = 20
# Fields of a cluster that look into every leverage class, or a while into the past; those of a group do it once.
DEEP_FIELDS = {
    "composition": frozenset({"composition"}),
    "lineage": frozenset({"id", "born", "bornBefore", "peak", "swept"}),
}
_DEEP_NUMBERS = 10_000
_FREE = "__"  # introspection reads nothing


def cost_of(question: str, values: Mapping[str, Any], fields: frozenset[str] = frozenset()) -> int:
    """Return the points of one question with these arguments, ``fields`` being the names asked of its answer."""
    if question.startswith(_FREE):
        return 1
    numbers = _numbers(question, values)
    looks = sum(not fields.isdisjoint(group) for group in DEEP_FIELDS.values())
    numbers += looks * int(values.get("limit") or 1) * _DEEP_NUMBERS
    return max(-(-numbers // _NUMBERS_A_POINT), 1)


def _numbers(question: str, values: Mapping[str, Any]) -> int:
    if question == "grid":
        return max(min(_columns(values) * max(int(values.get("rows") or 0), 1), MAX_CELLS), 0)
    first = values.get("first")
    if first is None:
        return _COLUMN_NUMBERS
    return max(int(first), 1) * (_PAIR_NUMBERS if question == "pairs" else 1)


def _columns(values: Mapping[str, Any]) -> int:
    start = values.get("start")
    if start is None:
        return min(int(values.get("last") or DEFAULT_LAST), MAX_COLUMNS)
    end = values.get("end")
    end_s = time.time() if end is None else in_utc(end).timestamp()
    return min(max(int((end_s - in_utc(start).timestamp()) * 1000) // Interval(values["interval"]).ms, 1), MAX_COLUMNS)


@dataclass(frozen=True, slots=True)
class Price:
    """What a query costs whenever it is asked: ``points`` may grow with the clock where a range has no end."""

    questions: tuple[tuple[str, Mapping[str, Any], frozenset[str]], ...] = ()
    fields_points: int = 1

    def points(self) -> int:
        """Return the points of the query, asked now."""
        return sum(cost_of(*question) for question in self.questions) + self.fields_points


def price_of_query(
    schema: GraphQLSchema, document: DocumentNode, operation_name: str | None, variables: Mapping[str, Any] | None
) -> Price:
    """Return the price of a valid document: that of its questions, and a point for every 100 fields below them.

    What cannot be read, such as a variable of the wrong type, costs a point: it is refused when it is executed.
    """
    operation = get_operation_ast(document, operation_name)
    kind = None if operation is None else schema.get_root_type(operation.operation)
    if operation is None or kind is None:
        return Price()
    given = get_variable_values(schema, operation.variable_definitions or (), dict(variables or {}))
    if isinstance(given, list):
        return Price()
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    questions = []
    below = 0
    for field in _fields(operation.selection_set, fragments, set()):
        names = list(_names_below(field, fragments))
        below += len(names)
        definition = kind.fields.get(field.name.value)
        try:
            values = {} if definition is None else get_argument_values(definition, field, given)
        except GraphQLError:
            values = {}
        questions.append((field.name.value, values, frozenset(names)))
    return Price(tuple(questions), below // 100)


def _fields(
    selections: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode], seen: set[str]
) -> Iterator[FieldNode]:
    """Yield the fields of a selection, through fragments, each of which counts once."""
    for selection in selections.selections:
        match selection:
            case FieldNode():
                yield selection
            case InlineFragmentNode():
                yield from _fields(selection.selection_set, fragments, seen)
            case FragmentSpreadNode() if selection.name.value not in seen:
                seen.add(selection.name.value)
                yield from _fields(fragments[selection.name.value].selection_set, fragments, seen)


def _names_below(field: FieldNode, fragments: Mapping[str, FragmentDefinitionNode]) -> Iterator[str]:
    seen: set[str] = set()  # so that fragments which name each other twice over do not double at every step
    waiting = [field]
    while waiting:
        one = waiting.pop()
        if one.selection_set is not None:
            for inner in _fields(one.selection_set, fragments, seen):
                yield inner.name.value
                waiting.append(inner)
