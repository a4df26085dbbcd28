"""What is stored: vocabulary, tables, sessions and repositories. Imports nothing of ours."""
