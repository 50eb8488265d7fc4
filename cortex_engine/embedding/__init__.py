"""Embedders: texts to vectors of one space. Importing a module here loads no model library."""
