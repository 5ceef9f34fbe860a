"""The commands of the command line, grouped as a shop uses them."""
