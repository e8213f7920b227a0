"""Masks as polygons and back, pixel for pixel."""
