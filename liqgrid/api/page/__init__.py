"""The heatmap page: our own scripts and one chart library, served as they are, drawn from the public GraphQL only."""
