"""Words the demo shop is made of: names, places, goods. Nobody is meant; addresses use reserved domains (RFC 2606)."""

from __future__ import annotations

FIRST_NAMES = (
    "Ada Alan Alice Amir Ana Anders Anna Anouk Arjun Astrid Bea Ben Carla Carlos Chiara Chloe Clara Daan Daniel David "
    "Dora Elena Elif Emil Emma Erik Eva Farid Fatima Felix Finn Fiona Greta Hana Hanna Hugo Ines Ingrid Isabel Ivan "
    "Jan Jana Joao Johan Jonas Julia Karim Kasia Katja Lars Laura Lea Leo Lena Liam Lina Louis Luca Lucia Magnus Maja "
    "Marco Maria Marta Mateo Max Maya Mehmet Mia Mila Mina Nadia Nina Noah Nora Olga Oliver Omar Oscar Paul Paula "
    "Pedro Petra Pia Rosa Sara Sofia Simon Sven Tara Theo Tim Tom Uma Vera Victor Wei Yara Yusuf Zoe Zuzana"
).split()
LAST_NAMES = (
    "Abel Adler Ahmed Almeida Andersen Araujo Bakker Bauer Becker Berg Bianchi Blanc Bonnet Brandt Brown Byrne Carter "
    "Castro Conti Costa Dahl Dubois Dvorak Ekman Evans Faber Ferrari Fischer Fontaine Garcia Gomez Gruber Haas Hansen "
    "Hill Hoffmann Horvat Hughes Ivanova Jansen Jensen Johansson Kaya Keller Khan Klein Kovacs Kowalski Kruger Lambert "
    "Lange Larsen Lefevre Lindberg Lopez Lund Maier Marino Martin Mendes Meyer Moreau Moretti Murphy Nagy Neumann "
    "Nielsen Novak Nowak Olsen Ortega Park Patel Peeters Pereira Popescu Ricci Rossi Roth Ruiz Santos Sato Schmidt "
    "Schulz Silva Singh Smit Svensson Tanaka Torres Vargas Visser Vogel Wagner Weber Wong Wood Yilmaz Zeller"
).split()
DOMAINS = ("example.com", "example.org", "example.net")
TRADES = (
    "Bakery Bistro Bookshop Brewery Cafe Carpentry Cinema Clinic Dental Design Electric Fitness Florist Garage Gallery "
    "Garden Gym Hardware Hostel Hotel Interiors Joinery Kitchens Laundry Library Logistics Market Nursery Optics "
    "Outfitters Pharmacy Pottery Press Print Roastery Salon School Studio Supply Tailors Textiles Theatre Tools Travel"
).split()
FORMS = ("Ltd", "GmbH", "SARL", "BV", "AB", "Srl", "SA", "KG")
CITIES = {
    "DE": ("Berlin", "Hamburg", "Cologne", "Leipzig", "Munich"),
    "FR": ("Paris", "Lyon", "Nantes", "Lille"),
    "GB": ("London", "Leeds", "Bristol", "Glasgow"),
    "NL": ("Amsterdam", "Utrecht", "Rotterdam"),
    "AT": ("Vienna", "Graz", "Linz"),
    "SE": ("Stockholm", "Malmo"),
    "IT": ("Milan", "Turin", "Bologna"),
    "ES": ("Madrid", "Valencia"),
}
COUNTRY_WEIGHTS = (0.34, 0.15, 0.16, 0.09, 0.09, 0.05, 0.07, 0.05)
GROUPS = ("Gold", "Silver", "Bronze", "New")
GROUP_WEIGHTS = (0.08, 0.22, 0.5, 0.2)
CATEGORIES = {
    "Desk": ("Desk lamp", "Desk mat", "Monitor arm", "Pen tray", "Cable box", "Standing desk", "Footrest"),
    "Paper": ("Notebook A5", "Notebook A4", "Copy paper", "Sticky notes", "Envelopes", "Index cards", "Planner"),
    "Writing": ("Fountain pen", "Gel pen", "Pencil set", "Marker set", "Chalk set", "Ink bottle"),
    "Storage": ("Archive box", "Shelf unit", "File folder", "Key cabinet", "Drawer unit", "Trolley"),
    "Kitchen": ("Coffee beans", "Tea assortment", "Mug", "Water carafe", "Biscuit tin", "Filter papers"),
    "Post": ("Parcel tape", "Padded bag", "Label roll", "Postal scale", "Carton small", "Carton large"),
}
FINISHES = ("Oak", "Ash", "Walnut", "White", "Graphite", "Sage", "Navy", "Clay", "Linen", "Copper")
LEAD_SOURCES = ("website", "trade_fair", "referral", "demand_generation")
