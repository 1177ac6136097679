"""Bars that come one at a time: their tape, and an account that steps along it."""
