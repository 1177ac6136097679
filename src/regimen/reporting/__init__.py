"""Pages: the report of a run and the comparison of several, each one HTML file without a script."""
