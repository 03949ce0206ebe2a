"""What a key of the API is: ``lgk_<12 hex digits>_<43 characters>``, of which only the hex digits are no secret.

The last part is 256 random bits, so a plain SHA-256 is right for storing: slow hashes are for passwords, which people
choose and others guess. Nobody guesses 256 bits, and a fast hash keeps a request fast.
"""

from __future__ import annotations

import re
import secrets
from enum import StrEnum
from hashlib import sha256

_KEY = re.compile(r"lgk_([0-9a-f]{12})_[\w-]{43}", re.ASCII)
_LIKE_A_KEY = re.compile(r"lgk_[0-9a-f]{12}_[\w-]*", re.ASCII)


class Scope(StrEnum):
    """What a key opens."""

    READ = "read"
    STREAM = "stream"
    EXPORT = "export"


def make_key() -> str:
    """Return a new key."""
    return f"lgk_{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}"


def id_of(key: str) -> str | None:
    """Return the part of a key that is no secret, None for what is no key."""
    match = _KEY.fullmatch(key)
    return match and match[1]


def hash_of(key: str) -> bytes:
    """Return what is stored of a key."""
    return sha256(key.encode()).digest()


def masked(text: str) -> str:
    """Return a text without the secret of any key in it."""
    return _LIKE_A_KEY.sub("lgk_…", text)
