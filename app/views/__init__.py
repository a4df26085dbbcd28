"""The pages of the review app; each is a file that Streamlit runs from top to bottom."""
