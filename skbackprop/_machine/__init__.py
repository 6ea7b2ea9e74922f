"""Rows passed through the network: threads, shards, blocks."""
