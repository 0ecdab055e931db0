"""An org: its records, its set-up, and what can happen to them."""
