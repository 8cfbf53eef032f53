"""A script cut short: a few steps of every training, within a deadline, nothing written over."""
