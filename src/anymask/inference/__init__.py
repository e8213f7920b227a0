"""Inference: masks from prompts, automatic masks, and masks from examples."""
