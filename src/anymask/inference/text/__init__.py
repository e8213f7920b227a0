"""Text prompts: phrases to masks, and names for masks."""
