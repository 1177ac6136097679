"""The lanes behind the interfaces of other libraries: Gymnasium and Stable-Baselines3."""
