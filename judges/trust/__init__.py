"""Pure mathematics of votes: arrays in, arrays out, with no database, network or torch."""
