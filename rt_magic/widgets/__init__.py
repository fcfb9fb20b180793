"""The notebook's side of the page: two widgets, their messages, and the way their messages take."""
