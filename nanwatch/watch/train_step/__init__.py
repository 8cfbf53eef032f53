"""The traced step: its sentinels, its row in the ring, its update that may be held back."""
