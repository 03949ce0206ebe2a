"""The composition root: verbs, settings, progress display."""
