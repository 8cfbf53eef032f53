"""What a notebook, or a plain console, is shown of its trainings: as in ``cli`` both halves meet here."""

from nanwatch.notebook.extension import Extension
from nanwatch.notebook.telling import Telling

TELLING = Telling()  # of this process
EXTENSION = Extension(TELLING)
