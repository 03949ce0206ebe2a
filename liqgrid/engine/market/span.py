"""The bytes of a column's bins: two each, rounded to one part in 4096, and of its leverage shares.

A bin's code has an exponent in its upper 5 bits and a mantissa in its lower 11; the span's own ``exponent`` is that of
its largest bin. A code c of at least 2048 is (2048 + c mod 2048) × 2^(⌊c / 2048⌋ + exponent − 42) base units; codes
under 2048 are 0: what is below 2⁻³⁰ of the span's largest bin. See docs/decisions/0007-column-codes.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liqgrid.engine.market.arrays import F32, F64, I64, U8
from liqgrid.engine.market.grid import SHARE_BLOCKS

CODE_BYTES = 2
MANTISSA_BITS = 11
MANTISSA_MASK = (1 << MANTISSA_BITS) - 1
_EXPONENT_OF_LARGEST = 42  # a span's exponent is that of its largest bin: 2¹¹ × 2³¹ = 2⁴²
_LARGEST = 0xFFFF
_FLOAT32_BIAS = 127


def encode_spans(base: F32) -> tuple[NDArray[np.uint16], I64]:
    """Return the codes (…, P) and exponents (…) of spans, base units >= 0, each with its own exponent."""
    bits = base.view(np.int32)  # (…, P) exponents and mantissas lie next to each other in a float
    largest = np.maximum(bits.max(axis=-1) >> 23, 31)  # (…) a span of less than 2⁻⁹⁶ has room for every exponent
    codes = bits + (1 << (22 - MANTISSA_BITS))
    codes >>= 23 - MANTISSA_BITS
    codes -= ((largest - 31) << MANTISSA_BITS)[..., None]
    codes *= codes >= 1 << MANTISSA_BITS
    return np.minimum(codes, _LARGEST, out=codes).astype("<u2"), (largest - _FLOAT32_BIAS).astype(np.int64)


def decode_span(codes: bytes, exponent: int) -> F32:
    """Return base units per bin, float32, of the bytes that ``encode_spans`` made."""
    stored = np.frombuffer(codes, dtype="<u2")
    mantissas = (stored & MANTISSA_MASK) + (MANTISSA_MASK + 1)
    base: F32 = (mantissas * scales(np.array([exponent]))[0, stored >> MANTISSA_BITS]).astype(np.float32)
    return base


def scales(exponents: I64) -> F64:
    """Return what one of a mantissa is worth (N, 32) in base units, by the upper 5 bits of a code, for N spans.

    A code c stands for (2048 + c mod 2048) × scale[c >> 11], exactly.
    """
    powers = np.arange(1 << (16 - MANTISSA_BITS))
    worth: F64 = np.ldexp(1.0, exponents[:, None] + (powers - _EXPONENT_OF_LARGEST))
    worth[:, 0] = 0.0
    return worth


def encode_shares(shares: U8) -> bytes:
    """Return the bytes of one column's shares (2, J, SHARE_BLOCKS): a bit for each that is not 0, then those.

    Three in four are 0; zlib would halve the bytes and take five times as long.
    """
    flat = shares.reshape(-1)
    filled = flat != 0
    return bytes(np.packbits(filled).tobytes() + flat[filled].tobytes())


def decode_shares(stored: bytes, classes: int) -> U8:
    """Return the shares (2, J, SHARE_BLOCKS) that ``encode_shares`` stored, of a model with J ``classes``."""
    count = 2 * classes * SHARE_BLOCKS
    bits, values = np.split(np.frombuffer(stored, dtype=np.uint8), [-(-count // 8)])
    shares = np.zeros(count, dtype=np.uint8)
    shares[np.unpackbits(bits, count=count).astype(bool)] = values
    return shares.reshape(2, classes, SHARE_BLOCKS)
