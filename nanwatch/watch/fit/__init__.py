"""A training from its beginning to its end: the callback, the observer of fits, loops without fit."""
