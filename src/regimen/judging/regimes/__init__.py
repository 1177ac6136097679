"""What a policy earned in which state of its market: states that were known when it decided, and named episodes."""
