"""A course whose one exercise can end in every way."""
