"""What a model is: layers, heads and losses, read off Keras's graph and off the traced one."""
