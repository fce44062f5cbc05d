"""What is remembered of a run: results and labels."""
