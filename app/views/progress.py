"""Draft."""

import streamlit as st

st.header("progress")
