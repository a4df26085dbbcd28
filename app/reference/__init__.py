"""Pages of the documentation that the code writes: every verb and every setting."""
