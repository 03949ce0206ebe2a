"""Subscriptions: what came after a position, read when the database hints that something did."""
