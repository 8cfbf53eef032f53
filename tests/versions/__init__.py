"""nanwatch in other environments: pairs of Keras and TensorFlow, each with an environment of its own."""
