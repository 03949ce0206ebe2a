"""Log lines on standard error: for people on a terminal, ``key=value`` elsewhere."""

from __future__ import annotations

import sys

import structlog


def configure_logs() -> None:
    """Send every log of this process to standard error; tracebacks show no local values, which may hold secrets."""
    shown: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if sys.stderr.isatty()
        else [
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ]
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *shown,
        ],
        # The stream of the moment, not of now: whoever redirects or closes it later breaks no logger.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
