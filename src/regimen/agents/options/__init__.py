"""Options: what is decided for several bars at once, by plain rules and by learned policies, and who chooses them."""
