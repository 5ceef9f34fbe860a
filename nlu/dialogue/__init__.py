"""What was said before: the state of a dialogue as slots, turn by turn."""
