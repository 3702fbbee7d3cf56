"""From the journal to an execution environment and its outcome: slots, retries."""
