"""Everything that makes data: collect → store → model → store."""
