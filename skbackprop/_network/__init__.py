"""The lecture: knows no data set, no thread, no solver."""
