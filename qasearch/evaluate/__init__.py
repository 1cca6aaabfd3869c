"""How good an index is: by judgments, by itself, and one configuration against another."""
