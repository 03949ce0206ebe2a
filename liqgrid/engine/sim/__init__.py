"""A simulated market and the local exchange that speaks a venue's wire format; joins with the collectors."""
