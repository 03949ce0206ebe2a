"""Pure kernels, arrays in and arrays out: levels, the book's replay, clusters, exposure, skill.

No database, network, clock or environment in here. The mathematics is docs/model.md.
"""
