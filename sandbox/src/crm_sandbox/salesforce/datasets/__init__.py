"""Datasets as orgs hold them."""
