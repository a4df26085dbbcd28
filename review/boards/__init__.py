"""What the pages about money, data, disputes, judges and people show."""
