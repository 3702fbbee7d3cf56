"""Queues: SQS's semantics in the journal's own store."""
