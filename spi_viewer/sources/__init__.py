"""Where frames come from: run files, image files, watched directories. No torch, no Qt."""
