"""A CSV text where it lies: a file of its own, or the member of a zip archive."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from liqgrid.engine.market.errors import BadData

if TYPE_CHECKING:
    from typing_extensions import Buffer


@dataclass(frozen=True, slots=True)
class CsvText:
    """A text and whether its first line names the columns; ``member`` is the file in the zip, None for a plain file."""

    path: Path
    member: str | None = None
    has_header: bool = True

    def __str__(self) -> str:
        return str(self.path) if self.member is None else f"{self.path}, member {self.member}"

    @property
    def context(self) -> dict[str, str]:
        """What an error says of it."""
        return {"file": str(self.path)} | ({} if self.member is None else {"member": self.member})

    @contextmanager
    def open(self) -> Iterator[tuple[IO[bytes], Callable[[], int]]]:
        """Yield its bytes, and a function that tells how many of the file's own have been read.

        Raises
        ------
        BadData
            If it cannot be read, also while the block lasts: a zip can break in its middle.
        """
        try:
            with self.path.open("rb") as file:
                if self.member is None:
                    yield file, file.tell
                else:
                    with zipfile.ZipFile(file) as archive, archive.open(self.member) as member:
                        yield io.BufferedReader(_Chunks(member)), file.tell
        except OSError as error:
            raise BadData(f"{self}: cannot be read: {error.strerror or error}", **self.context) from error
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise BadData(f"{self}: the zip is damaged: {error}; fetch it again", **self.context) from error
        except (NotImplementedError, RuntimeError) as error:  # a compression or an encryption that zipfile cannot undo
            raise BadData(f"{self}: the zip cannot be read: {error}", **self.context) from error


class _Chunks(io.RawIOBase):
    """A zip's member, read piece by piece.

    Asked for megabytes, zipfile itself puts them together from kilobytes by adding each to a copy of those before.
    """

    def __init__(self, member: IO[bytes]) -> None:
        self._member = member

    def readable(self) -> bool:
        return True

    def readinto(self, into: Buffer) -> int:
        wanted = memoryview(into)
        piece = self._member.read1(len(wanted))  # type: ignore[attr-defined]
        wanted[: len(piece)] = piece
        return len(piece)
