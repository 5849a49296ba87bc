"""`python -m mistral_edu.lab.n17_speed`: what was published, claim by claim (see claims.py)."""
import sys

from mistral_edu.lab.n17_speed.claims import main

sys.exit(main())
