"""Signals that end a process, and what its exit code then is."""

from __future__ import annotations

import signal

INTERRUPTED = 130  # as a shell says it of SIGINT


def end_like_ctrl_c(*names: str) -> None:
    """Let these signals end the process as Ctrl-C does: everything that was started is stopped on the way out."""
    for name in names:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores SIGHUP
            signal.signal(number, signal.default_int_handler)
