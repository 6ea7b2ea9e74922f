"""One fit, one descent in stages."""
