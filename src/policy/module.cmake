siyu_links(siyu_base siyu_audit siyu_identity)
