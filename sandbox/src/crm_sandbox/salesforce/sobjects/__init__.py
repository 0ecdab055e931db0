"""Objects and their fields, describe, and records without SOQL."""
