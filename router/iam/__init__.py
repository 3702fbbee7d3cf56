"""Pure: policies, what they say and why, signatures, credentials."""
