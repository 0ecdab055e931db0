"""Astrelo's CRM integration: a customer's companies, contacts and deals, linked, fresh and complete."""
