siyu_links(siyu_base siyu_store siyu_identity)
