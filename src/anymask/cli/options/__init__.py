"""Which options each command has, one file a command. Standard library only."""
