"""From a Record to what training sees: crops, augmentation, canvases, simulated prompts."""
