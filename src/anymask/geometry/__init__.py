"""Geometry of arrays: boxes, run lengths, regions, tiles, a model's frame. No files, no images."""
