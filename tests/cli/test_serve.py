"""`regimen serve`, `keys`, `halt` and `resume-trading`, as a user meets them."""

from __future__ import annotations
