"""HTTP: a question at a time, asked again where that does no harm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import httpx
from tenacity import AsyncRetrying, retry_if_exception, stop_before_delay

from liqgrid_client.answers import answered, lost, refusal
from liqgrid_client.files import whole_file
from liqgrid_client.questions import Question
from liqgrid_client.retries import is_passing, wait
from liqgrid_client.settings import Settings

T = TypeVar("T")
_JSON = {"content-type": "application/json"}
_BLOCK_BYTES = 1 << 16


class AsyncTransport:
    """Connections to one server, kept open between questions."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._http = httpx.AsyncClient(
            base_url=settings.url,
            headers=settings.headers,
            timeout=settings.timeout_s,
            verify=settings.tls,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ask(self, question: Question[T]) -> T:
        """Return the answer to a question, asking again for as long as that may help.

        Raises
        ------
        LiqgridError
            If it is refused, or is not answered in time.
        """
        answer: T = await self._retrying()(self._ask_once, question)
        return answer

    async def download(self, path: str, parameters: Mapping[str, str], to: Path) -> None:
        """Write what a path of REST answers to a file, whole or not at all.

        Raises
        ------
        LiqgridError
            As ``ask``.
        """
        await self._retrying()(self._download_once, path, parameters, to)

    def _retrying(self) -> AsyncRetrying:
        return AsyncRetrying(
            retry=retry_if_exception(is_passing),
            wait=wait,
            stop=stop_before_delay(self.settings.patience_s),
            reraise=True,
        )

    async def _ask_once(self, question: Question[T]) -> T:
        try:
            response = await self._http.post("graphql", content=question.body(), headers=_JSON)
        except httpx.HTTPError as error:
            raise lost(error) from error
        return answered(question, response)

    async def _download_once(self, path: str, parameters: Mapping[str, str], to: Path) -> None:
        try:
            async with self._http.stream("GET", path, params=parameters) as response:
                if response.status_code != httpx.codes.OK:
                    raise refusal(response.status_code, await response.aread(), response.headers)
                with whole_file(to) as file:
                    async for block in response.aiter_bytes(_BLOCK_BYTES):
                        file.write(block)
        except httpx.HTTPError as error:
            raise lost(error) from error
