"""The checks of data and the repairs that a config asks for: each reads rows and names those at fault."""
