"""Geometry on arrays: boxes, run-length codes, regions, tiles, the model's frame. No file access."""
