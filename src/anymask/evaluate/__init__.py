"""Evaluation protocols: each evaluates a model on data sets and gives a `report.Report`."""
