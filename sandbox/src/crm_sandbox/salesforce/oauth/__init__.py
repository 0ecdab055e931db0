"""The authorization server, its endpoints, and who has consented."""
