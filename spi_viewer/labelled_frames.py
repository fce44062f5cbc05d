"""Frames of measured runs with labels of people."""
