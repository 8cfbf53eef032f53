"""A bad step: frozen, taken apart op by op, its guilty rows found."""
