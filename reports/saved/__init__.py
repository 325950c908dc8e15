"""What members keep: views of the list of calls, questions, boards of them, and links to their answers."""
