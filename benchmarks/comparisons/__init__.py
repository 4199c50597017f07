"""One module for each comparison of metrics; a public function of it makes one line of the table."""
