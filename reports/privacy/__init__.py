"""What a person may ask for of his own data: that they go."""
