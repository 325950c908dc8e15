"""What an owner does with the data of one person."""
