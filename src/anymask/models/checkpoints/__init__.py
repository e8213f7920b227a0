"""Checkpoints: located by name, read strictly in all supported layouts, written atomically."""
