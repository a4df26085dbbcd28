"""Whether a trained model may go into production."""
