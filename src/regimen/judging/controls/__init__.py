"""What a policy is held beside: flat, holding, random timing, the best constant; late and reversed, for diagnosis."""
