"""What an off-policy agent remembers: transitions drawn as they were, or with goals that were reached in hindsight."""
