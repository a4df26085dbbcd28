"""Which prompts ask the same: texts in, groups out. Pure, without a model and a database."""
