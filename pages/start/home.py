import streamlit as st

st.title("Home")
st.button("x")
