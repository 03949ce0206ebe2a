"""The vocabulary: venue, pair, instrument, interval, bars, tiers, price axis, grid. Standard library and numpy only."""
