"""The search of the penalty lambda."""
