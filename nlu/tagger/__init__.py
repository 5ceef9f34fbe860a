"""One pass of the text encoder tells a query's intent, the spans that are slots, and its vector."""
