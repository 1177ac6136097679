"""What trades unattended: paper accounts, and whether a journal is what was written."""
