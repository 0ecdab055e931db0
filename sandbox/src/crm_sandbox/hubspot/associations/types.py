"""HubSpot's own association types between the object types that the sandbox keeps."""

ANY_TYPE_IDS = {
    ("contacts", "companies"): 279,
    ("companies", "contacts"): 280,
    ("deals", "companies"): 341,
    ("companies", "deals"): 342,
    ("deals", "contacts"): 3,
    ("contacts", "deals"): 4,
    ("companies", "companies"): 450,
    ("contacts", "contacts"): 449,
    ("deals", "deals"): 451,
}
PRIMARY_TYPE_IDS = {
    ("contacts", "companies"): 1,
    ("companies", "contacts"): 2,
    ("deals", "companies"): 5,
    ("companies", "deals"): 6,
}
PRIMARY_LABELS = {
    ("contacts", "companies"): "Primary",
    ("companies", "contacts"): "Contact with Primary Company",
    ("deals", "companies"): "Primary",
    ("companies", "deals"): "Deal with Primary Company",
}
"""What people read; an account may see it in its own language, so that clients go by the number."""
