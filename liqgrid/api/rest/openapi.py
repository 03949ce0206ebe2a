"""The OpenAPI document of REST, out of the table its routes are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from liqgrid import __version__
from liqgrid.api.errors import STATUS
from liqgrid.api.rest.endpoint import Endpoint
from liqgrid.api.rest.formats import MEDIA_TYPES, Format
from liqgrid.api.rest.json_schema import components
from liqgrid.api.rest.parameters import Parameter, to_json_schema
from liqgrid.engine.market.errors import ErrorCode

_REFUSALS = {"400": "The question cannot be answered as it was put.", "404": "Not stored, or not built."}
_ERROR = {
    "type": "object",
    "description": "What every refusal looks like; act on the code.",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string", "enum": sorted(STATUS)},
                "message": {"type": "string"},
                "context": {"type": "object"},
                "request_id": {"type": "string"},
            },
            "required": ["code", "context", "message", "request_id"],
        }
    },
    "required": ["error"],
}


def openapi(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the document."""
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        paths[endpoint.path] = {"get": _operation(endpoint, suffixed=False)}
        paths[f"{endpoint.path}.{{format}}"] = {"get": _operation(endpoint, suffixed=True)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "liqgrid",
            "version": __version__,
            "description": "Modelled liquidation levels of perpetual futures, and the market data they rest on. A form "
            "is asked for by `Accept`, or by the ending of the path.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": {**components(), "Error": _ERROR}},
    }


def _operation(endpoint: Endpoint, *, suffixed: bool) -> dict[str, Any]:
    parameters = [_parameter(parameter) for parameter in endpoint.parameters]
    if suffixed:
        formats = {"type": "string", "enum": list(endpoint.forms)}
        parameters.append(
            {"name": "format", "in": "path", "required": True, "description": "Form of the answer.", "schema": formats}
        )
    name = endpoint.path.removeprefix("/v1/").partition("{")[0].strip("/").replace("/", "-")
    by_name = "-by-name" if endpoint.path.endswith("{symbol}") else ""
    errors = {
        str(STATUS[code]) for code in (ErrorCode.RANGE_TOO_LARGE, ErrorCode.STORE_UNAVAILABLE, ErrorCode.INTERNAL)
    }
    refusals = {**_REFUSALS, "406": "None of the forms is accepted.", **dict.fromkeys(sorted(errors), "See the code.")}
    return {
        "operationId": f"{name}{by_name}{'-as' if suffixed else ''}",
        "summary": endpoint.summary,
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "The answer.",
                "content": {MEDIA_TYPES[form]: _content(endpoint, form) for form in endpoint.forms},
            },
            **({} if endpoint.streams else {"304": {"description": "The tag sent still holds."}}),
            **{
                status: {
                    "description": text,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                }
                for status, text in refusals.items()
            },
        },
    }


def _content(endpoint: Endpoint, form: Format) -> dict[str, Any]:
    if form is Format.JSON and endpoint.json_schema is not None:
        return {"schema": endpoint.json_schema()}
    return {}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": parameter.name,
        "in": "path" if parameter.in_path else "query",
        "required": parameter.required,
        "description": parameter.description,
        "schema": to_json_schema(parameter),
    }
    if parameter.many:
        told |= {"style": "form", "explode": False}
    if parameter.example is not None:
        told["example"] = [parameter.example] if parameter.many else parameter.example
    return told
