"""Containers and formats: a file, or a folder of them, to columns that are not yet understood."""
