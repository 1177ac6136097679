"""The vault of a run: the last span of its data that nothing has read, locked for a market, or opened for one look."""

from __future__ import annotations

from regimen.runs.vault.opening import lock_vault, open_vault
from regimen.runs.vault.shut import require_shut, vault_span

__all__ = ["lock_vault", "open_vault", "require_shut", "vault_span"]
