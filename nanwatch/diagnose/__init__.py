"""Rules weigh the facts of a run and name the cause. No TensorFlow here, and no NumPy."""
