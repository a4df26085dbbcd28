"""What learns from settled pairs: datasets, models, the gate, and serving them."""
