"""Evaluations: each one is a stored protocol that turns a model and data sets into a `report.Report`."""
