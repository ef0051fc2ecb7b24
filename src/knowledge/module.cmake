siyu_links(siyu_base siyu_store siyu_policy siyu_documents ZLIB::ZLIB)
