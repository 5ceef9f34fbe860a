"""Settings of the whole application; filled in by cli.py alone."""
