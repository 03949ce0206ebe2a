"""The GraphQL schema, its resolvers and the view that serves them."""
