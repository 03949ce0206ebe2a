"""The heatmap web page; joins later."""
