"""Who sees it: the REST interface, the live stream and the pages for staff."""
