"""Who can be asked: a client for each provider, and judges that are small computations."""
