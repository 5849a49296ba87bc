"""The commands of `mistral-edu`, one a file; main.py lists them and runs one."""
