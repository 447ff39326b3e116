import streamlit as st

st.title("E")
st.button("x")
