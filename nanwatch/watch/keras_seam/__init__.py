"""The one room that knows private names of Keras and TensorFlow, and all that is patched."""
