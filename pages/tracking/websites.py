import streamlit as st

st.title("W")
st.button("x")
