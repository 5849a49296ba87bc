"""`python -m mistral_edu` is the command `mistral-edu`."""
import sys

from mistral_edu.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
