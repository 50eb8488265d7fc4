"""The application in the browser: the entry script, and what several pages draw."""
