"""Draft."""

import streamlit as st

st.header("costs")
