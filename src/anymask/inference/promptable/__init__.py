"""Masks from prompts: encode an image once, then predict masks for any number of prompts."""
