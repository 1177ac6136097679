"""For the tests of whoever writes a model: `check_model` tries it against the contracts that every model keeps.

from regimen.testing import check_model

def test_my_model():
    check_model("my_model.py:MyModel", {"width": 8})
"""

from __future__ import annotations

from regimen.runs import check_model

__all__ = ["check_model"]
