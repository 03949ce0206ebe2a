"""From JSON to the dataclasses of ``types``, by their annotations; what does not fit is a coded error."""

from __future__ import annotations

import binascii
import types
from collections.abc import Callable, Mapping
from dataclasses import Field, fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from liqgrid_client.errors import bad_answer
from liqgrid_client.wire import camel, word

T = TypeVar("T")
Decoder = Callable[[Any, str], Any]


class _Misfit(Exception):
    """A value that is not what its field holds."""


def decoded(kind: type[T], value: object, simulated: bool = False) -> T:
    """Return an answer as an instance of a dataclass.

    Raises
    ------
    LiqgridError
        ``BAD_ANSWER`` where a field is missing or holds something else.
    """
    try:
        made: T = _object(kind, simulated)(value, kind.__name__)  # type: ignore[arg-type] # a class has a hash
    except _Misfit as misfit:
        raise bad_answer(str(misfit)) from None
    return made


def unpacked(packed: Any, dtype: str) -> NDArray[Any]:
    """Return a PackedArray of that dtype as an array that cannot be written to."""
    if packed["dtype"] != dtype:
        raise ValueError(f"its dtype is {packed['dtype']!r}, not {dtype!r}")
    return np.frombuffer(binascii.a2b_base64(packed["data"]), dtype).reshape(packed["shape"])


@cache
def _object(kind: Any, simulated: bool = False) -> Decoder:
    hints = get_type_hints(kind)
    beside = {one.name for one in fields(kind) if one.name == "simulated" and one.default is False}
    told = dict.fromkeys(beside, simulated)  # stands beside the answer, not in it
    parts = [
        (one.name, camel(one.name), _field(one, hints[one.name]), one.default is None)
        for one in fields(kind)
        if one.name not in beside
    ]

    def decode(value: Any, where: str) -> Any:
        if not isinstance(value, Mapping):
            raise _Misfit(f"{where} is {value!r:.80}, not an object")
        arguments: dict[str, Any] = dict(told)
        for name, wire_name, decoder, on_request in parts:
            if wire_name in value:
                arguments[name] = decoder(value[wire_name], f"{where}.{wire_name}")
            elif not on_request:
                raise _Misfit(f"{where}.{wire_name} is missing")
        return kind(**arguments)

    return decode


def _field(one: Field[Any], hint: Any) -> Decoder:
    """Return what makes a field's value."""
    return _array(np.dtype(one.metadata["dtype"])) if "dtype" in one.metadata else _decoder(hint)


def _decoder(hint: Any) -> Decoder:
    """Return what makes a value of a type of JSON's."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (inner,) = (one for one in arguments if one is not type(None))
        return _optional(_decoder(inner))
    if origin is tuple:
        return _list(_decoder(arguments[0]))
    if origin is Literal:
        return lambda value, where: word(_plain(str)(value, where))
    if is_dataclass(hint):
        return _object(hint)  # type: ignore[arg-type] # as above
    return _time if hint is datetime else _plain(origin or hint)


def _optional(decoder: Decoder) -> Decoder:
    return lambda value, where: None if value is None else decoder(value, where)


def _list(decoder: Decoder) -> Decoder:
    def decode(value: Any, where: str) -> Any:
        if not isinstance(value, list):
            raise _Misfit(f"{where} is {value!r:.80}, not a list")
        return tuple(decoder(one, f"{where}[{number}]") for number, one in enumerate(value))

    return decode


def _array(dtype: np.dtype[Any]) -> Decoder:
    wire = "<i8" if dtype.kind == "M" else dtype.str

    def decode(value: Any, where: str) -> Any:
        try:
            array = unpacked(value, wire)
        except (ValueError, TypeError, KeyError) as error:  # binascii.Error is a ValueError
            raise _Misfit(f"{where} is no packed array: {error}") from error
        return array.view(dtype)

    return decode


def _time(value: Any, where: str) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except (ValueError, TypeError):
        raise _Misfit(f"{where} is {value!r:.80}, not a time") from None


def _plain(kind: type[Any]) -> Decoder:
    accepted = (int, float) if kind is float else (kind,)

    def decode(value: Any, where: str) -> Any:
        if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
            raise _Misfit(f"{where} is {value!r:.80}, not of type {kind.__name__}")
        return float(value) if kind is float else value

    return decode
