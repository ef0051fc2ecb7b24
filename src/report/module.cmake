siyu_links(siyu_base siyu_sandbox fmt::fmt ICU::uc PkgConfig::libzip PkgConfig::pugixml)
