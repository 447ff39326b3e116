"""One view model per page: what a screen shows, as frozen values made from the services. No Streamlit here."""
