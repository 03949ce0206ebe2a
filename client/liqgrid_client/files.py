"""Files that are whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO


@contextmanager
def whole_file(to: Path) -> Iterator[IO[bytes]]:
    """Yield a file beside ``to`` that takes its place at the end; after an error nothing is left of it."""
    with NamedTemporaryFile(dir=to.parent, prefix=f".{to.name}.", suffix=".part", delete=False) as part:
        try:
            yield part
            part.flush()
            mask = os.umask(0)
            os.umask(mask)
            Path(part.name).chmod(0o666 & ~mask)
            Path(part.name).replace(to)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise
