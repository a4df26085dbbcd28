"""What people meet: the command line, the configuration and the pages of the review app."""
