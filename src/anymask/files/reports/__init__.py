"""What reports are made of: charts with axes, a page, and where a report comes from."""
