siyu_links(siyu_base OpenSSL::SSL OpenSSL::Crypto Boost::headers CURL::libcurl Threads::Threads)
