"""Tables: their documents, their life, and the cache of both."""
