"""The steps of Keras on JAX and on PyTorch, watched without TensorFlow."""
