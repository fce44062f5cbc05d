"""A model made to fit a run."""
