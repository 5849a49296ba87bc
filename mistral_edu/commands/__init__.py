"""The commands of `mistral-edu`, one per file; main.py lists them and runs one."""
