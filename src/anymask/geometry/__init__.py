"""Geometry of arrays: boxes, run lengths, regions, tiles, and the frame of a model's input. No files, no images."""
