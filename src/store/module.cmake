siyu_links(siyu_base siyu_crypto SQLite::SQLite3 usearch)
