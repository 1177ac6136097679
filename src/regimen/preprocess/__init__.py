"""Preprocessing: fitted on the training slice, frozen afterwards, applied anywhere."""

from __future__ import annotations

from regimen.preprocess.standard_scaler import StandardScaler

__all__ = ["StandardScaler"]
