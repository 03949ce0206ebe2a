"""Which server sends bytes fastest: ``python -m bench.servers [--seconds N]``; granian has to be installed for it.

Each sends the same bytes from memory (``bench.bytes_app``), large and small, to wrk with 16 connections, in turn.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import httpx

from bench.api import bare, rate

SIZES = {"1 MB": 1 << 20, "2 kB": 2048}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    servers = ["uvicorn", "uvicorn-asyncio", *(["granian"] if find_spec("granian") else [])]
    with tempfile.TemporaryDirectory(prefix="liqgrid bench ") as folder:
        for name, size in SIZES.items():
            file = Path(folder) / "bytes"
            file.write_bytes(b"x" * size)
            rates: dict[str, list[float]] = {server: [] for server in servers}
            for _ in range(chosen.rounds):
                for server in servers:
                    with bare(file, server) as address:
                        wait_for(address)
                        rates[server].append(rate(address, "/", "{}", chosen.seconds, 16, Path(folder)))
            print(name, *(f"{server} {statistics.median(some):.0f}/s" for server, some in rates.items()), sep="  ")


def wait_for(address: str) -> None:
    """Return when a server answers."""
    ends = time.monotonic() + 30
    while True:
        try:
            assert httpx.post(address, content=b"{}", trust_env=False).status_code == 200
        except httpx.TransportError:
            assert time.monotonic() < ends, "the server does not start"
            time.sleep(0.05)
        else:
            return


if __name__ == "__main__":
    main()
