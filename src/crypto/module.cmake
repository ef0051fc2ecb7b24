siyu_links(siyu_base OpenSSL::Crypto PkgConfig::libargon2)
