"""The networks, their files, their training and their verdicts."""
