"""Retraining: the model of a project is fine-tuned on what people accepted, and taken where it is not worse.

See `run.retrain` (SAM, section 4: the model was retrained six times in the first stage).
"""
