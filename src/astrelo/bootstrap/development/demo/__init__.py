"""`astrelo demo`: CRM accounts are connected and synced before your eyes, on real parts.

Everything goes through the doors that a customer's browser and the product's frontend use.
"""
