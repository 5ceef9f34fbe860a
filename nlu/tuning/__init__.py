"""The text encoder learns the shop: a LoRA adapter from its catalogue, its searches and its baskets."""
