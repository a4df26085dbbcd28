"""Draft."""

import streamlit as st

st.header("adjudicate")
