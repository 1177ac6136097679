"""What a file calls a time, to nanoseconds UTC."""
