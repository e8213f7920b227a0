"""What models are asked: prompts, masks of everything, examples."""
