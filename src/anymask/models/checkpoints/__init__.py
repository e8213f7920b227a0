"""Checkpoints: found by name, read strictly in every known layout, written atomically."""
