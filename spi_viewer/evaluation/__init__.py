"""What models get right and wrong, as tables and figures that can be shown to somebody."""
