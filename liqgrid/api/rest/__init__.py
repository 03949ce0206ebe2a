"""REST and bulk; joins with the complete API."""
