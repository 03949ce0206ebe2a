"""How loops are compiled: by numba, without fast-math, so that the same inputs give the same bits (I5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile on first call, free of the interpreter's lock; keep the code on disk where a folder can be written."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        return cast("_Function", numba.njit(cache=True, **options)(function))
    except RuntimeError:  # no folder for a cache: a read-only installation of a user without a home
        return cast("_Function", numba.njit(**options)(function))
