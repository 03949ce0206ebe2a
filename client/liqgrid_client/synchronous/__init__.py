# Made from liqgrid_client/asynchronous by `python -m generator`; change that.
"""The client for asyncio; ``synchronous`` is made from it, but for what ``system`` does."""
