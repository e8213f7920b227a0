"""The options of each command: one file per command, what they share in `shared`. Standard library only."""
