"""What a Python handler reaches, read from the sources: nothing is imported or run."""
