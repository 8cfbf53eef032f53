"""SCRIPT -> LINES: what a script says of its model, loss, optimizer and data; read, and never run."""
