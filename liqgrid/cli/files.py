"""Files a verb writes: whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from liqgrid.engine.market.errors import BadSetting


def check_output(path: Path) -> None:
    """Refuse a path nothing can be written to, before the work for it is done.

    Raises
    ------
    BadSetting
        Saying why.
    """
    folder = path.absolute().parent
    if path.is_dir():
        raise BadSetting(f"output was {path}, which is a folder; name a file")
    if not folder.is_dir():
        raise BadSetting(f"output was {path}, but there is no folder {folder}; make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadSetting(f"output was {path}, but nothing can be written into {folder}")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees half of it.

    Raises
    ------
    BadSetting
        If it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        raise BadSetting(f"{path} cannot be written: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)
