"""What is known of any bar, also of one to come: its calendar, and which symbol it is of."""
