"""Published data sets in the folders that they are distributed in."""
