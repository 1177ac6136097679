"""What is known of bars to come."""
