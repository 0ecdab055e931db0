"""The driven ports. Adapters and fakes inherit them explicitly: a forgotten method then fails at construction."""
