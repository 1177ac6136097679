"""What trades unattended: the server, its keys and the operator's words; paper accounts; whether a journal is whole."""
