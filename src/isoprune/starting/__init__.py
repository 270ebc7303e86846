"""A new study: its settings and tables, from the images and data that are there."""
