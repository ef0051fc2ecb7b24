siyu_links(siyu_base siyu_crypto SQLite::SQLite3)
if(TARGET usearch)
  siyu_links(usearch)
endif()
