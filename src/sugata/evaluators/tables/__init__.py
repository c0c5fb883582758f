"""Tables of search spaces: their layouts, and a converter from the official files."""

from sugata.evaluators.tables.layouts import read_table

__all__ = ["read_table"]
