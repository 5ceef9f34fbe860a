"""Side-by-side measurements; each module's `run` gives the rows of one `shopgraph bench`."""
