"""Masks from examples: the objects marked in one image are found in other images and in videos."""
