"""What a prompt's expected outcome may be: checked before it is stored, and again before use."""
