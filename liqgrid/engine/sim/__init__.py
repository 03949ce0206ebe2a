"""A simulated market whose true positions are known, and the local exchange that serves it in a venue's wire format.

Everything here is SIMULATED: no price, position or liquidation of it ever happened.

The market, pure functions of a seed: ``parameters`` (what is assumed) → ``draws`` (everything random of one block of
time) → ``clearing`` (orders meet, positions are liquidated, price moves) → ``market`` (block after block) → ``tape``
(what has happened so far, by symbol). The exchange: ``wire`` (Binance's JSON), ``rest``, ``streams`` and ``sockets``,
with ``limits``, ``faults`` and a ``clock``, put together in ``server``.
"""
