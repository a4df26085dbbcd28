"""What an export reads: labels without texts, then pairs with all of it, then votes; by content."""
