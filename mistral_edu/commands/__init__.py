"""The commands of `mistral-edu` that have a file of their own, one a file. The others stand in cli.py."""
