"""The client for asyncio; ``synchronous`` is made from it, but for what ``system`` does."""
