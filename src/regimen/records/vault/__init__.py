"""The vault: what was done with the last span of a market that a config locks, written down once and for ever."""

from __future__ import annotations

from regimen.records.vault.looks import brand, looks
from regimen.records.vault.record import (
    VaultRecord,
    add_vault_record,
    keep_vault_record,
    kept_vault_records,
    vault_records,
)

__all__ = [
    "VaultRecord",
    "add_vault_record",
    "brand",
    "keep_vault_record",
    "kept_vault_records",
    "looks",
    "vault_records",
]
