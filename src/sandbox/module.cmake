siyu_links(siyu_base PkgConfig::libseccomp)
