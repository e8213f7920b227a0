"""Prompts to masks: encode an image once, answer any number of prompts."""
