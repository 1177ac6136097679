"""An agent of the user's own, by the place of its class."""
