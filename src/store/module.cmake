siyu_links(siyu_base siyu_crypto SQLite::SQLite3 usearch)
target_link_libraries(${SIYU_MODULE} PRIVATE siyu_net PkgConfig::hiredis)
