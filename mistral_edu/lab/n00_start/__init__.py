"""What belongs only to notebook 00."""
