"""Training: one loop for all tasks, exact resume, recipes."""
