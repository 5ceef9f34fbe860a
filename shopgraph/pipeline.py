"""Five calls in data order."""
