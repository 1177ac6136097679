"""Features of the next bar: the same steps, once for each bar."""
