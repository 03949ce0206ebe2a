"""The Python client in client/, against a real server over real HTTP and WebSocket."""
