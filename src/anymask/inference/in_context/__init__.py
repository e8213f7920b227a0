"""Examples to masks: what one image shows is found in others and in videos."""
