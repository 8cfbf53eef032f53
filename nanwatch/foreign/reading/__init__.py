"""FILE -> LOG: one reader a format, and one that tells them apart. Nothing in a file is trusted."""
