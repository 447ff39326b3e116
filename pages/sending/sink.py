import streamlit as st
from pages._ui import widgets
with widgets.head("S of a shop", "What is going on, and what to do next."):
    st.button("New list", type="primary", icon=":material/add:")
with widgets.empty("x","groups","No marketing list yet","A list says who gets mails: the customers who match your conditions, checked again at each sending."):
    st.button("Create the first list", type="primary", key="k1")
widgets.tiles([widgets.Tile("Recipients","12,345",note="3 campaigns"),widgets.Tile("Delivered","98.7 %",help="a*b"),widgets.Tile("Human clicks","4.2 %"),widgets.Tile("Revenue","12,345.00 EUR")])
widgets.state_bar([widgets.Share("Accepted",700,"good"),widgets.Share("Waiting",200,"waiting"),widgets.Share("Uncertain",10,"doubt"),widgets.Share("Refused",20,"bad")])
widgets.section("Lists","sentence")
widgets.table([{"a":"Hello","n":12345,"r":.123}],{"a":widgets.words("Name"),"n":widgets.count("Members"),"r":widgets.rate("Rate")},key="t",alt="x")
