"""From a Record to a training sample: crops, augmentation, canvases, simulated prompts."""
