siyu_links(siyu_base siyu_net Threads::Threads)
if(TARGET siyu_sandbox)
  siyu_links(siyu_sandbox)
endif()
