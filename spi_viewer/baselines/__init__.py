"""Older methods, to stand beside the networks and to fall back on."""
