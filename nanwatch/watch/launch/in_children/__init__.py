"""What a Python finds that a watched script starts: this folder is put before its PYTHONPATH."""
