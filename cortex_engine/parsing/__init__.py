"""Files become pages of text. Every file is read in a limited process of its own, the box."""
