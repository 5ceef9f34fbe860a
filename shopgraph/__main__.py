"""`python -m shopgraph` is the command line."""

from shopgraph.cli import main

main()
